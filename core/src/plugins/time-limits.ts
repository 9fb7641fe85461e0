/** Time limits of asynchronous taps: one timer for all pending calls of a plugin with the same limit, not one per call. */

/** A timer that comes so much later than it was asked for says that the loop stood still. */
const LATE_MS = 50;

/** A call under way. Lives in a list in order of its deadline, for all of a list have the same limit. */
export interface TimedCall {
  deadline: number;
  previous: TimedCall | undefined;
  next: TimedCall | undefined;
  expire(): void;
}

export class TimeLimits {
  readonly #now: () => number;
  readonly #queues = new Map<number, CallQueue>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The calls that share this limit. Look it up once per tap. */
  of(limitMs: number): CallQueue {
    let queue = this.#queues.get(limitMs);
    if (queue === undefined) this.#queues.set(limitMs, (queue = new CallQueue(this.#now, limitMs)));
    return queue;
  }
}

export class CallQueue {
  readonly limitMs: number;
  readonly #now: () => number;
  #first: TimedCall | undefined;
  #last: TimedCall | undefined;
  #isTimerSet = false;

  constructor(now: () => number, limitMs: number) {
    this.#now = now;
    this.limitMs = limitMs;
  }

  /** `expire` is called once when the limit is over, unless the call was closed before. */
  open(expire: () => void): TimedCall {
    const call: TimedCall = { deadline: this.#now() + this.limitMs, previous: this.#last, next: undefined, expire };
    if (this.#last) this.#last.next = call;
    else this.#first = call;
    this.#last = call;
    if (!this.#isTimerSet) this.#wait(this.limitMs);
    return call;
  }

  close(call: TimedCall): void {
    if (call.previous) call.previous.next = call.next;
    else if (this.#first === call) this.#first = call.next;
    else return; // closed already
    if (call.next) call.next.previous = call.previous;
    else this.#last = call.previous;
    call.previous = undefined;
    call.next = undefined;
  }

  // The timer is left running when calls end in time: at one call after the other it fires once per limit, not once per call.
  #wait(ms: number): void {
    this.#isTimerSet = true;
    const dueAt = this.#now() + ms;
    // Timers run before sockets are read: what another plugin kept waiting by blocking the loop is heard first, and is not this one's failure.
    setTimeout(() => (this.#now() - dueAt > LATE_MS ? setImmediate(() => this.#expireOverdue()) : this.#expireOverdue()), Math.ceil(ms)).unref();
  }

  #expireOverdue(): void {
    this.#isTimerSet = false;
    const now = this.#now();
    while (this.#first && this.#first.deadline <= now) {
      const call = this.#first;
      this.close(call);
      call.expire();
    }
    // A tap may have opened the next call from `expire`, and with it the timer.
    if (this.#first && !this.#isTimerSet) this.#wait(Math.max(1, this.#first.deadline - now));
  }
}

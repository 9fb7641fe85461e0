/** Time-outs by a coarse clock: one timer for all, a number per connection. A deadline is met up to one tick late, never early. */

/** Fine enough for time-outs of tenths of a second; 20 sweeps a second over 10,000 connections cost about 0.1 % of a core. */
const TICK_MS = 50;

export interface Timed {
  /** Monotonic milliseconds; `Infinity` = none. Set it at will. */
  deadline: number;
  /** The deadline is over; it was set to `Infinity` before. */
  onDeadline(): void;
  /** Place in the list; owned by `Deadlines`. */
  deadlineIndex: number;
}

export class Deadlines {
  /** Kept: the global of this name is a getter, called at each use. */
  readonly #clock = performance;
  /** Monotonic milliseconds: when the event under way began, for whoever reads the clock at its beginning; else as old as a tick at most. */
  now = performance.now();
  /** Told when a tick came late: the event loop stood still, or had too much to do. */
  onLate: ((lateMs: number) => void) | undefined;
  readonly #timed: Timed[] = [];
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;

  add(timed: Timed): void {
    timed.deadlineIndex = this.#timed.length;
    this.#timed.push(timed);
    if (this.#timer) return;
    this.#tickedAt = this.readClock();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  remove(timed: Timed): void {
    const index = timed.deadlineIndex;
    if (index < 0) return;
    const last = this.#timed.pop()!;
    if (last !== timed) {
      this.#timed[index] = last;
      last.deadlineIndex = index;
    }
    timed.deadlineIndex = -1;
    if (this.#timed.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the clock, and sets the coarse one by it: after a blocked event loop the last tick is long ago. */
  readClock(): number {
    this.now = this.#clock.now();
    return this.now;
  }

  /** A deadline `ms` from now, on the coarse clock; a tick is added, because the clock may be that old. */
  in(ms: number): number {
    return this.now + ms + TICK_MS;
  }

  get size(): number {
    return this.#timed.length;
  }

  /**
   * A tick that comes late says that the loop stood still, and timers run before sockets are read: what is waiting there has not been heard
   * yet. So the sweep waits until it was.
   */
  #tick(): void {
    const lateMs = performance.now() - this.#tickedAt - TICK_MS;
    this.#tickedAt = this.readClock();
    if (lateMs <= TICK_MS) return this.#sweep();
    setImmediate(() => this.#sweep());
    this.onLate?.(lateMs);
  }

  #sweep(): void {
    this.now = performance.now();
    // Backwards: a removal during the sweep moves an already seen element into the gap.
    for (let index = this.#timed.length - 1; index >= 0; index--) {
      const timed = this.#timed[index];
      if (timed === undefined || timed.deadline > this.now) continue;
      timed.deadline = Infinity;
      timed.onDeadline();
    }
  }
}

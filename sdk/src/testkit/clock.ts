/** Time that moves only when a test says so. */

interface Timer {
  due: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/**
 * The clock of a world. It starts at 1,000 ms, so that a 0 that means "never" is not now by chance.
 * @example
 * const { clock } = world();
 * clock.after(50, () => console.log(clock.now())); // 1050
 * clock.advance(100);
 */
export class VirtualClock {
  #now = 1_000;
  /** By due time; those due together in the order of their registration. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  /** Moves on by `ms` and runs what falls due on the way, in order, each at its own time. A timer set meanwhile runs as well if it is due by then. */
  advance(ms: number): void {
    if (!(ms >= 0) || ms === Infinity) throw new RangeError(`advance(${ms}): time goes forward by a finite number of milliseconds`);
    const end = this.#now + ms;
    for (;;) {
      const timer = this.#timers[0];
      if (!timer || timer.due > end) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, timer.due);
      if (timer.everyMs !== undefined) {
        timer.due += timer.everyMs;
        this.#insert(timer);
      }
      timer.run();
    }
    this.#now = end;
  }

  /** The process stood still for `ms`, stopped or starved: it is later at once, and each timer that fell due runs once, late, as those of Node do. */
  leap(ms: number): void {
    if (!(ms >= 0) || ms === Infinity) throw new RangeError(`leap(${ms}): time goes forward by a finite number of milliseconds`);
    this.#now += ms;
    for (const timer of this.#timers.filter(({ due }) => due <= this.#now)) {
      const at = this.#timers.indexOf(timer);
      // One that ran before it may have cancelled it.
      if (at < 0) continue;
      this.#timers.splice(at, 1);
      if (timer.everyMs !== undefined) {
        timer.due = this.#now + timer.everyMs;
        this.#insert(timer);
      }
      timer.run();
    }
  }

  every(ms: number, run: () => void): () => void {
    if (!(ms > 0)) throw new RangeError(`every(${ms}): the interval must be above 0 ms`);
    return this.#start(ms, ms, run);
  }
  after(ms: number, run: () => void): () => void {
    if (!(ms >= 0)) throw new RangeError(`after(${ms}): the delay must be 0 ms or more`);
    return this.#start(ms, undefined, run);
  }

  /** Timers still set. */
  get pending(): number {
    return this.#timers.length;
  }

  #start(ms: number, everyMs: number | undefined, run: () => void): () => void {
    const timer: Timer = { due: this.#now + ms, everyMs, run };
    this.#insert(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  #insert(timer: Timer): void {
    const at = this.#timers.findIndex(({ due }) => due > timer.due);
    this.#timers.splice(at < 0 ? this.#timers.length : at, 0, timer);
  }
}

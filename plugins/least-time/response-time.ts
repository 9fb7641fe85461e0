/** The mean response time of one backend: a moving average that is halved while nothing comes. */

/** Weight of a new sample, as that of TCP's smoothed round trip (RFC 6298 §2). */
const GAIN = 1 / 8;

/** Slower than this is all the same: then in-flight decides. As in nginx. */
const SLOWEST_MS = 5_000;

export class ResponseTime {
  #meanMs = 0;
  /** `now` of the last sample; -1 = none yet. */
  #stamp = -1;

  observe(sampleMs: number, now: number, forgiveMs: number): void {
    const mean = this.at(now, forgiveMs);
    this.#meanMs = this.#stamp < 0 ? sampleMs : mean + GAIN * (sampleMs - mean);
    this.#stamp = now;
  }

  /** Milliseconds; 0 when nothing is known. */
  at(now: number, forgiveMs: number): number {
    const idle = Math.floor((now - this.#stamp) / forgiveMs);
    return this.#stamp < 0 || idle <= 0 ? this.#meanMs : this.#meanMs / 2 ** idle;
  }

  /** The same in whole steps, at least one: of two that answer at once the less loaded is meant. A whole number: V8 puts a fraction that a function returns on the heap. */
  stepsAt(now: number, forgiveMs: number, stepMs: number): number {
    return Math.max(1, Math.ceil(Math.min(SLOWEST_MS, this.at(now, forgiveMs)) / stepMs));
  }
}

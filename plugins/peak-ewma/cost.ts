/**
 * What a request to a backend costs, as it was felt lately: an average of latencies whose weight fades with time, but a slower one is believed at once.
 *
 * The metric of Finagle's `PeakEwma`: w = e^(-age / decay); a sample above the cost becomes the cost, another is averaged in: cost w + sample (1 - w).
 * Reading it is averaging in 0, so that a backend that gets nothing becomes cheaper, and is tried again, in time.
 */
export class Cost {
  /** Milliseconds. */
  value = 0;
  /** `now` of the last sample or reading; -1 = none yet. */
  stamp = -1;

  observe(sampleMs: number, now: number, decayMs: number): void {
    this.value = sampleMs > this.value || this.stamp < 0 ? sampleMs : this.#faded(now, decayMs, sampleMs);
    this.stamp = now;
  }

  /** The cost now; does not change it. */
  at(now: number, decayMs: number): number {
    return this.stamp < 0 ? 0 : this.#faded(now, decayMs, 0);
  }

  get isKnown(): boolean {
    return this.stamp >= 0;
  }

  #faded(now: number, decayMs: number, towards: number): number {
    // A clock that stands still, or another one's, must not make it grow.
    const weight = Math.exp(-Math.max(0, now - this.stamp) / decayMs);
    return this.value * weight + towards * (1 - weight);
  }
}

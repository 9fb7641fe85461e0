/** How fast a backend answered lately: a moving average with a gain of 1/8 (as TCP's smoothed round trip, RFC 6298 §2). Milliseconds. */
export class LateLatency {
  value = 0;
  #isKnown = false;

  observe(sampleMs: number): void {
    this.value = this.#isKnown ? this.value + (sampleMs - this.value) / 8 : sampleMs;
    this.#isKnown = true;
  }
}

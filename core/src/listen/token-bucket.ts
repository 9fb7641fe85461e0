/** So many a second, of which a second's worth may come at once. */

export class TokenBucket {
  #perMs = Infinity;
  #most = Infinity;
  #tokens = Infinity;
  #filledAt = 0;

  /** @param perSecond `Infinity` = no limit. What is in it stays in it, as far as there is room. @param now milliseconds */
  configure(perSecond: number, now: number): void {
    const isFirst = this.#most === Infinity;
    this.has(now);
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(1, perSecond);
    this.#tokens = isFirst ? this.#most : Math.min(this.#most, this.#tokens);
    this.#filledAt = now;
  }

  take(now: number): boolean {
    if (!this.has(now)) return false;
    this.#tokens--;
    return true;
  }

  has(now: number): boolean {
    if (this.#most === Infinity) return true;
    this.#tokens = Math.min(this.#most, this.#tokens + Math.max(0, now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#tokens >= 1;
  }
}

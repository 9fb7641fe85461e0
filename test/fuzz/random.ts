/** Chance with a seed: the same seed and case number give the same bytes, on any machine. */

export class Random {
  #state: number;

  constructor(seed: number, index = 0) {
    // Neighbouring cases must not resemble each other: both numbers are spread over all bits.
    this.#state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(index + 1, 0xc2b2_ae35);
    this.below(2);
    this.below(2);
  }

  /** A whole number from 0 to `limit` - 1. Mulberry32: one multiplication more than a counter, and good enough to choose bytes by. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) * (limit / 4_294_967_296));
  }
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }
  /** True once in `rarity` times. */
  oneIn(rarity: number): boolean {
    return this.below(rarity) === 0;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
  /** Mostly few, at times many: 0 to `most`. */
  few(most: number): number {
    return this.below(1 + this.below(1 + most));
  }
  text(alphabet: string, least: number, most: number): string {
    let text = '';
    for (let left = this.between(least, most); left > 0; left--) text += alphabet[this.below(alphabet.length)]!;
    return text;
  }
}

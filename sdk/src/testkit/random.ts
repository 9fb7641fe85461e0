/** Chance that can be repeated. */

/**
 * xoshiro128++ (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), 2021), its state filled from the seed by
 * SplitMix (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014). Not for secrets.
 * @example
 * const chance = new SeededRandom(7);
 * const die = 1 + Math.floor(chance.next() * 6);
 */
export class SeededRandom {
  readonly #state: Uint32Array;

  /** @param seed any 32-bit integer */
  constructor(seed: number) {
    let x = seed | 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      x = (x + 0x9e3779b9) | 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    });
  }

  /** Uniform in [0, 1), 53 bits, as `Math.random`. */
  next(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }

  /** Uniform in 0 .. `below` - 1. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** The raw output: uniform in 0 .. 2^32 - 1. */
  uint32(): number {
    const s = this.#state;
    const result = (rotate((s[0]! + s[3]!) | 0, 7) + s[0]!) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotate(s[3]!, 11);
    return result;
  }

  /** The state, to come back to by `restore`: two runs from the same point see the same chance. */
  save(): readonly number[] {
    return [...this.#state];
  }
  restore(state: readonly number[]): void {
    this.#state.set(state);
  }
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/**
 * Which part a key belongs to: weighted rendezvous (highest random weight; the weights as in Schindelhauer and Schomaker, SPAA 2005). Each part draws from the
 * key a number that is exponentially distributed, divided by its weight; the least wins. A part that gets more weight only wins keys, one that gets less only
 * loses some: between two parts, 10 % -> 20 % moves 10 % of the keys, and nobody who was in the 10 % leaves.
 */
import { hash32, mix32 } from '@steelyard/sdk';

/** One part as the config says it. */
export interface Share {
  readonly name: string;
  readonly weight: number;
}

export class Shares {
  /** The parts' names: places in the list do not count, so that a part may be put in front. */
  readonly #salts: Int32Array;
  readonly #weights: Float64Array;
  /** Of the key that was drawn last; `Infinity` = has no share, or was taken. */
  readonly #costs: Float64Array;

  constructor(shares: readonly Share[]) {
    this.#salts = Int32Array.from(shares, ({ name }) => hash32(name));
    this.#weights = Float64Array.from(shares, ({ weight }) => weight);
    this.#costs = new Float64Array(shares.length);
  }

  /** Begins with a key of 32 bits. */
  draw(bits: number): void {
    for (let i = 0; i < this.#costs.length; i++) {
      // In (0, 1), both ends out: the middles of 2^32 equal steps. Scrambled once more, as a hash strategy inside a part may go by the same bits.
      const uniform = ((mix32(bits ^ this.#salts[i]!) >>> 0) + 0.5) / 0x1_0000_0000;
      // `Infinity` without a weight.
      this.#costs[i] = -Math.log(uniform) / this.#weights[i]!;
    }
  }

  /** The part of the key at first, then the one that it would belong to without the former, and so on; -1 = no part is left. */
  next(): number {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.#costs.length; i++) {
      if (this.#costs[i]! >= least) continue;
      least = this.#costs[i]!;
      best = i;
    }
    if (best >= 0) this.#costs[best] = Infinity;
    return best;
  }
}

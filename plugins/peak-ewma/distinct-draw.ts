/**
 * Draws different backends by chance, uniform over those that are available: a Fisher-Yates shuffle (Knuth, TAOCP vol. 2, 3.4.2 P) that stops early, over
 * a permutation kept from pick to pick. `p2c` says why nothing simpler will do.
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

export class DistinctDraw {
  backends: readonly Backend[] = [];
  weights = new Float64Array(0);
  #order = new Int32Array(0);
  #front = 0;
  readonly #below: (count: number) => number;

  /** @param below a whole number by chance, uniform over 0 to `count` - 1: V8 puts a fraction that a function returns on the heap */
  constructor(below: (count: number) => number) {
    this.#below = below;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    this.backends = taking.map(({ backend }) => backend);
    this.weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#order = Int32Array.from(taking, (_, index) => index);
  }

  /** A new draw: whoever was drawn may be drawn again. */
  begin(): void {
    this.#front = 0;
  }

  /** The index of one that is available and was not drawn yet; -1 = there is none. */
  next(pool: PoolView): number {
    const order = this.#order;
    while (this.#front < order.length) {
      const at = this.#front + this.#below(order.length - this.#front);
      const index = order[at]!;
      order[at] = order[this.#front]!;
      order[this.#front++] = index;
      if (pool.isAvailable(this.backends[index]!)) return index;
    }
    return -1;
  }
}

/**
 * One backend by chance, in proportion to the weights of those that are available.
 *
 * Distribution. A draw gives backend i with w_i / W, W being the sum of all weights. Draws of unavailable ones are thrown away, so an accepted
 * draw gives an available i with (w_i / W) / (A / W) = w_i / A, A being the sum over the available: rejection sampling. After
 * `MAX_DRAWS` rejections the available ones are added up and one is drawn from exactly that sum, w_i / A again. A mixture of two equal
 * distributions is that distribution: shares are exactly proportional, and the number of draws is bounded.
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

/** With half of the weight unavailable one pick in 256 comes to the scan; with nearly all of it, most do, and the draws cost less than the scan. */
const MAX_DRAWS = 8;

export class WeightedDraw {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  /** Sum of the weights up to and with each. */
  #cumulative = new Float64Array(0);
  readonly #random: () => number;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    this.#backends = taking.map(({ backend }) => backend);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    let sum = 0;
    this.#cumulative = this.#weights.map((weight) => (sum += weight));
  }

  pick(pool: PoolView): Backend | undefined {
    const count = this.#backends.length;
    if (count === 0) return undefined;
    const sum = this.#cumulative[count - 1]!;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const backend = this.#backends[this.#indexAt(this.#random() * sum)]!;
      if (pool.isAvailable(backend)) return backend;
    }
    return this.#scan(pool);
  }

  /** The first whose cumulative weight is above the mark; the last one where rounding put the mark on the sum itself. */
  #indexAt(mark: number): number {
    const cumulative = this.#cumulative;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > mark) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #scan(pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    let available = 0;
    for (let i = 0; i < backends.length; i++) if (pool.isAvailable(backends[i]!)) available += this.#weights[i]!;
    let mark = this.#random() * available;
    let last: Backend | undefined;
    for (let i = 0; i < backends.length; i++) {
      if (!pool.isAvailable(backends[i]!)) continue;
      last = backends[i];
      mark -= this.#weights[i]!;
      if (mark < 0) break;
    }
    return last;
  }
}

/**
 * One backend by chance, in proportion to the weights of those that are available.
 *
 * Distribution. A draw gives backend i with w_i / W, W being the sum of all weights. Draws of unavailable ones are thrown away, so an accepted
 * draw gives an available i with (w_i / W) / (A / W) = w_i / A, A being the sum over the available: rejection sampling. After
 * `MAX_DRAWS` rejections the available ones are added up and one is drawn from exactly that sum, w_i / A again. A mixture of two equal
 * distributions is that distribution: shares are exactly proportional, and the number of draws is bounded.
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';
import { AliasTable } from './alias-table.ts';

/** With half of the weight unavailable one pick in 256 comes to the scan; with nearly all of it, most do, and the draws cost less than the scan. */
const MAX_DRAWS = 8;
/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export class WeightedDraw {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  #table = new AliasTable(this.#weights);
  readonly #below: (count: number) => number;

  /** @param below a whole number by chance, uniform over 0 to `count` - 1: V8 puts a fraction that a function returns on the heap */
  constructor(below: (count: number) => number) {
    this.#below = below;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    this.#backends = taking.map(({ backend }) => backend);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#table = new AliasTable(this.#weights);
  }

  pick(pool: PoolView): Backend | undefined {
    if (this.#backends.length === 0) return undefined;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const backend = this.#backends[this.#table.at(this.#below(FINENESS) / FINENESS)]!;
      if (pool.isAvailable(backend)) return backend;
    }
    return this.#scan(pool);
  }

  #scan(pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    let available = 0;
    for (let i = 0; i < backends.length; i++) if (pool.isAvailable(backends[i]!)) available += this.#weights[i]!;
    let mark = (this.#below(FINENESS) / FINENESS) * available;
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

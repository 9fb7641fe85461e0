/**
 * Draws some *different* backends, uniform over those that are available, and takes the one with the smallest in-flight / weight.
 *
 * The draw is a Fisher-Yates shuffle (Knuth, TAOCP vol. 2, 3.4.2 P) that stops early, over a permutation kept from pick to pick: each step swaps
 * a random one of the rest to the front, so what was drawn is a uniform sample without replacement whatever order was left behind.
 * Unavailable ones are drawn and passed over: the available ones of a uniform order are in uniform order themselves. So these are impossible:
 * the same backend twice (which lets the most loaded win against itself), neighbours more often than others (which drawing two indices and
 * moving one on a collision does), and missing an available backend among many that are not (each is drawn at most once, none is left out).
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export class DistinctChoices {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  /** Indices in some order. Any permutation serves as well as another. */
  #order = new Int32Array(0);
  #areEqual = true;
  readonly #choices: number;
  readonly #below: (count: number) => number;

  /** @param below a whole number by chance, uniform over 0 to `count` - 1: V8 puts a fraction that a function returns on the heap */
  constructor(choices: number, below: (count: number) => number) {
    this.#choices = choices;
    this.#below = below;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    this.#backends = taking.map(({ backend }) => backend);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#order = Int32Array.from(taking, (_, index) => index);
    this.#areEqual = this.#weights.every((weight) => weight === this.#weights[0]);
  }

  pick(pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    const order = this.#order;
    const count = backends.length;
    let best: Backend | undefined;
    let bestLoad = 0;
    let bestWeight = 0;
    let tiedWeight = 0;
    let drawn = 0;
    for (let front = 0; front < count && drawn < this.#choices; front++) {
      const at = front + this.#below(count - front);
      const index = order[at]!;
      order[at] = order[front]!;
      order[front] = index;
      const backend = backends[index]!;
      if (!pool.isAvailable(backend)) continue;
      drawn++;
      const load = backend.inFlight;
      const weight = this.#weights[index]!;
      // load / weight < bestLoad / bestWeight, multiplied out: no division, and whole numbers that are equal tie exactly.
      const difference = best === undefined ? -1 : load * bestWeight - bestLoad * weight;
      if (difference > 0) continue;
      tiedWeight = difference < 0 ? weight : tiedWeight + weight;
      if (difference < 0 || this.#winsTie(weight, tiedWeight)) {
        best = backend;
        bestLoad = load;
        bestWeight = weight;
      }
    }
    return best;
  }

  /**
   * Ties go by chance. Among equal weights the order of the draw is chance enough: the first stays. Otherwise in proportion to the weights
   * (reservoir sampling), or an idle pool, where every pick is a tie, would forget them.
   */
  #winsTie(weight: number, tiedWeight: number): boolean {
    return !this.#areEqual && (this.#below(FINENESS) / FINENESS) * tiedWeight < weight;
  }
}

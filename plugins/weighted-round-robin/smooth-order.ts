/**
 * Smooth weighted round-robin. Each pick gives every eligible backend its weight as credit; the one with the most is picked and pays the sum
 * of what was given. So credit is (fair share - picks had) x sum of weights: it adds up to 0, is 0 for all after each `sum` picks,
 * and nobody is ever a whole pick ahead of its share (the payer held at least the mean, which is above 0, so it stays above -sum).
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

/** What a backend is owed. */
export interface Credit {
  value: number;
  /** Sum of weights that `value` was counted with; 0 = new. */
  sum: number;
}
export const newCredit = (): Credit => ({ value: 0, sum: 0 });

export class SmoothOrder {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  #credits: Credit[] = [];
  readonly #creditOf: (backend: Backend) => Credit;

  constructor(creditOf: (backend: Backend) => Credit) {
    this.#creditOf = creditOf;
  }

  /** Members from now on. Who stays keeps what it is owed; who is new starts level with the others. */
  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    const sum = taking.reduce((total, { weight }) => total + weight, 0);
    this.#backends = taking.map(({ backend }) => backend);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#credits = this.#backends.map((backend) => this.#creditOf(backend));
    rescale(this.#credits, sum);
  }

  next(pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    const weights = this.#weights;
    const credits = this.#credits;
    let best: Credit | undefined;
    let picked: Backend | undefined;
    let given = 0;
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i]!;
      // Who is unavailable neither earns nor pays: it comes back with what it was owed, not with a burst.
      if (!pool.isAvailable(backend)) continue;
      const credit = credits[i]!;
      const weight = weights[i]!;
      credit.value += weight;
      given += weight;
      if (best === undefined || credit.value > best.value) {
        best = credit;
        picked = backend;
      }
    }
    if (best !== undefined) best.value -= given;
    return picked;
  }
}

/**
 * Keeps each debt the same in *picks* when the sum of weights changes: a debt of 999 out of 1,000 is one pick, and would take 999 picks
 * to work off at weight 1. A backend that is new gets the mean of the rest, since only differences count and the rest need not add up to 0
 * after somebody left.
 */
function rescale(credits: readonly Credit[], sum: number): void {
  let known = 0;
  let total = 0;
  for (const credit of credits) {
    if (credit.sum === 0) continue;
    if (credit.sum !== sum) credit.value *= sum / credit.sum;
    known++;
    total += credit.value;
  }
  for (const credit of credits) {
    if (credit.sum === 0) credit.value = known === 0 ? 0 : total / known;
    credit.sum = sum;
  }
}

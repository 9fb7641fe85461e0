/**
 * Smooth weighted round-robin. Each pick gives every eligible backend its weight as credit; the one with the most is picked and pays the sum
 * of what was given. So credit is (fair share - picks had) x sum of weights: it adds up to 0, is 0 for all after each `sum` picks,
 * and nobody is ever a whole pick ahead of its share (the payer held at least the mean, which is above 0, so it stays above -sum).
 */
import { AvailableIndices, type Backend, type Member, type PoolView } from '@steelyard/sdk';

/** What a backend is owed. It lies in the table of the order that picks, side by side with the others': a pick reads all of them. */
export class Credit {
  /** Sum of weights that `value` was counted with; 0 = new. */
  sum = 0;
  #table = new Float64Array(1);
  #at = 0;

  get value(): number {
    return this.#table[this.#at]!;
  }
  /** From now on it is what stands there. */
  moveTo(table: Float64Array<ArrayBuffer>, at: number): void {
    this.#table = table;
    this.#at = at;
  }
}
export const newCredit = (): Credit => new Credit();

export class SmoothOrder {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  #credits: Credit[] = [];
  /** Their values. */
  #owed = new Float64Array(0);
  /** Sum of the weights of those available, and which look it belongs to: added up in the loop of a pick it would take most of its time. */
  #given = 0;
  #asked = -1;
  readonly #available = new AvailableIndices();
  readonly #creditOf: (backend: Backend) => Credit;

  constructor(creditOf: (backend: Backend) => Credit) {
    this.#creditOf = creditOf;
  }

  /** Members from now on. Who stays keeps what it is owed; who is new starts level with the others. */
  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    const sum = taking.reduce((total, { weight }) => total + weight, 0);
    // A config that did not come to serve may have moved them to a table of its own.
    this.#credits.forEach((credit, at) => credit.moveTo(this.#owed, at));
    this.#backends = taking.map(({ backend }) => backend);
    this.#available.setBackends(this.#backends);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#credits = this.#backends.map((backend) => this.#creditOf(backend));
    const owed = Float64Array.from(this.#credits, ({ value }) => value);
    rescale(owed, this.#credits, sum);
    this.#owed = owed;
    this.#credits.forEach((credit, at) => credit.moveTo(owed, at));
  }

  next(pool: PoolView): Backend | undefined {
    // Who is unavailable neither earns nor pays: it comes back with what it was owed, not with a burst.
    const count = this.#available.look(pool);
    if (count === 0) return undefined;
    const { indices } = this.#available;
    const weights = this.#weights;
    const owed = this.#owed;
    if (this.#available.asked !== this.#asked) this.#addUp(count);
    let best = 0;
    let most = -Infinity;
    for (let at = 0; at < count; at++) {
      const i = indices[at]!;
      const credit = owed[i]! + weights[i]!;
      owed[i] = credit;
      if (credit > most) {
        most = credit;
        best = i;
      }
    }
    owed[best] = most - this.#given;
    return this.#backends[best];
  }

  #addUp(count: number): void {
    const { asked, indices } = this.#available;
    this.#asked = asked;
    this.#given = 0;
    for (let at = 0; at < count; at++) this.#given += this.#weights[indices[at]!]!;
  }
}

/**
 * Keeps each debt the same in *picks* when the sum of weights changes: a debt of 999 out of 1,000 is one pick, and would take 999 picks
 * to work off at weight 1. A backend that is new gets the mean of the rest, since only differences count and the rest need not add up to 0
 * after somebody left.
 */
function rescale(owed: Float64Array, credits: readonly Credit[], sum: number): void {
  let known = 0;
  let total = 0;
  credits.forEach((credit, at) => {
    if (credit.sum === 0) return;
    if (credit.sum !== sum) {
      const debt = owed[at]! * (sum / credit.sum);
      // Weights that are next to nothing: one that is infinite, or none, would never be worked off.
      owed[at] = Number.isFinite(debt) ? debt : 0;
    }
    known++;
    total += owed[at]!;
  });
  credits.forEach((credit, at) => {
    if (credit.sum === 0) owed[at] = known === 0 ? 0 : total / known;
    credit.sum = sum;
  });
}

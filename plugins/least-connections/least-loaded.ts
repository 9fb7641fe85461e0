/**
 * The smallest (in-flight + extra) / weight; ties by smooth weighted round-robin among the tied.
 *
 * Why not a rotating cursor for ties: at low load nearly every pick is a tie at 0 in flight, so the rule for ties is the rule. A cursor would
 * share evenly there and forget the weights; nginx breaks ties as here for the same reason. The price is a second pass over the tied.
 */
import { AvailableIndices, type Backend, type Member, type PoolView } from '@steelyard/sdk';

/** Place in the order among the tied, kept beside the backend over reloads. */
export class Turn {
  #table = new Float64Array(1);
  #at = 0;

  get credit(): number {
    return this.#table[this.#at]!;
  }
  /** From now on it is what stands there: a pick reads the credits of all that are tied, so they lie side by side. */
  moveTo(table: Float64Array<ArrayBuffer>, at: number): void {
    this.#table = table;
    this.#at = at;
  }
}
export const newTurn = (): Turn => new Turn();

export class LeastLoaded {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  #turns: Turn[] = [];
  /** Their values. */
  #credits = new Float64Array(0);
  /** Indices of the tied of one pick. Made here once: a pick allocates nothing. */
  #tied = new Int32Array(0);
  readonly #available = new AvailableIndices();
  /** Rows and weights of those that are available, side by side: the pass over all of them reads nothing else. */
  #rows = new Int32Array(0);
  #rowWeights = new Float64Array(0);
  /** The pool's answer that they were gathered from. */
  #gathered = 0;
  readonly #extra: number;
  readonly #turnOf: (backend: Backend) => Turn;

  constructor(extra: number, turnOf: (backend: Backend) => Turn) {
    this.#extra = extra;
    this.#turnOf = turnOf;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    // A config that did not come to serve may have moved them to a table of its own.
    this.#turns.forEach((turn, at) => turn.moveTo(this.#credits, at));
    this.#backends = taking.map(({ backend }) => backend);
    this.#available.setBackends(this.#backends);
    this.#rows = new Int32Array(taking.length);
    this.#rowWeights = new Float64Array(taking.length);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#turns = this.#backends.map((backend) => this.#turnOf(backend));
    this.#tied = new Int32Array(taking.length);
    // A debt from a time of greater weights must not lock a backend out: one round of the present weights is the most that can be owed.
    const round = this.#weights.reduce((sum, weight) => sum + weight, 0);
    const credits = Float64Array.from(this.#turns, ({ credit }) => Math.max(-round, Math.min(round, credit)));
    this.#credits = credits;
    this.#turns.forEach((turn, at) => turn.moveTo(credits, at));
  }

  pick(pool: PoolView): Backend | undefined {
    const available = this.#available;
    const count = available.look(pool);
    if (available.asked !== this.#gathered) this.#gather(count);
    const rows = this.#rows;
    const weights = this.#rowWeights;
    const tied = this.#tied;
    let tiedCount = 0;
    let leastLoad = 0;
    let leastWeight = 0;
    for (let at = 0; at < count; at++) {
      const load = pool.inFlightAt(rows[at]!) + this.#extra;
      const weight = weights[at]!;
      // load / weight < leastLoad / leastWeight, multiplied out as in nginx: no division, and whole numbers that are equal tie exactly.
      const difference = tiedCount === 0 ? -1 : load * leastWeight - leastLoad * weight;
      if (difference > 0) continue;
      if (difference < 0) {
        tiedCount = 0;
        leastLoad = load;
        leastWeight = weight;
      }
      tied[tiedCount++] = available.indices[at]!;
    }
    if (tiedCount === 0) return undefined;
    return this.#backends[tiedCount === 1 ? tied[0]! : this.#nextOfTied(tiedCount)];
  }

  #gather(count: number): void {
    const { indices, asked } = this.#available;
    for (let at = 0; at < count; at++) {
      this.#rows[at] = this.#backends[indices[at]!]!.row;
      this.#rowWeights[at] = this.#weights[indices[at]!]!;
    }
    this.#gathered = asked;
  }

  #nextOfTied(tiedCount: number): number {
    const tied = this.#tied;
    const weights = this.#weights;
    const credits = this.#credits;
    let best = 0;
    let most = -Infinity;
    let given = 0;
    for (let t = 0; t < tiedCount; t++) {
      const i = tied[t]!;
      const weight = weights[i]!;
      const credit = credits[i]! + weight;
      credits[i] = credit;
      given += weight;
      if (credit > most) {
        most = credit;
        best = i;
      }
    }
    credits[best] = most - given;
    return best;
  }
}

/**
 * A pool in which a backend that has its fill looks unavailable, so that a hash walks past it as past one that is down.
 *
 * With m requests in flight at those that are eligible (available, with a weight), not counting the one to come, backend i may have
 * ceil(c · (m + 1) · w_i / Σw). These add up to m + 1 or more for each c >= 1: there is always room for one.
 */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

export class BoundedPool implements PoolView {
  readonly #factor: number;
  #members: readonly Member[] = [];
  #weights: ReadonlyMap<Backend, number> = new Map();
  #pool!: PoolView;
  /** c · (m + 1) of this pick; -1 = not asked for yet. */
  #allowed = -1;
  /** Sum of the weights of those who are eligible. */
  #weight = 0;

  constructor(factor: number) {
    this.#factor = factor;
  }

  setMembers(members: readonly Member[]): void {
    this.#members = members.filter(({ weight }) => weight > 0);
    this.#weights = new Map(this.#members.map(({ backend, weight }) => [backend, weight]));
  }

  /** The pool as it stands for this pick. */
  of(pool: PoolView): this {
    this.#pool = pool;
    this.#allowed = -1;
    return this;
  }

  get name(): string {
    return this.#pool.name;
  }
  get backends(): readonly Backend[] {
    return this.#pool.backends;
  }

  isAvailable(backend: Backend): boolean {
    if (!this.#pool.isAvailable(backend)) return false;
    const { inFlight } = backend;
    // Whoever is idle has room in any case: only a load needs to be compared with the others'.
    return inFlight === 0 || inFlight < this.capacity(backend);
  }

  inFlightAt(row: number): number {
    return this.#pool.inFlightAt(row);
  }

  nobody(): undefined {
    return this.#pool.nobody();
  }

  /** Most that it may have in flight once this pick is among them; 0 without a weight. */
  capacity(backend: Backend): number {
    if (this.#allowed < 0) this.#measure();
    // Divided last: 50 / 22 · 11 is a little above 25 in binary fractions, and one too many when rounded up.
    return Math.ceil((this.#allowed * (this.#weights.get(backend) ?? 0)) / this.#weight);
  }

  #measure(): void {
    const pool = this.#pool;
    const members = this.#members;
    let inFlight = 0;
    let weight = 0;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (!pool.isAvailable(member.backend)) continue;
      inFlight += member.backend.inFlight;
      weight += member.weight;
    }
    this.#allowed = this.#factor * (inFlight + 1);
    this.#weight = weight;
  }
}

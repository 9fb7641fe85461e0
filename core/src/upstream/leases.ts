/** Leases of one data thread: opened once, closed once. `opened === closed` when nothing is under way. */
import type { Exchange, Lease, StrategyInstance } from '@steelyard/sdk';
import type { BackendState } from './backend.ts';
import type { Pool } from './pool.ts';

export class LeaseState implements Lease {
  readonly #slot: number;
  #backend: BackendState | undefined;
  #exchange: Exchange | undefined;
  #startedAt = 0;
  pool!: Pool;
  /** The instance that picked it, if one did, and is told the end, though a reload may have brought another meanwhile. */
  strategy: StrategyInstance | undefined;
  /** Milliseconds from `startedAt`; -1 = not yet. */
  connectMs = -1;
  firstByteMs = -1;
  bytesToBackend = 0;
  bytesFromBackend = 0;

  constructor(slot: number) {
    this.#slot = slot;
    // A strategy that keeps something in it would find it in the lease of another exchange: the object is used again.
    Object.seal(this);
  }

  get slot(): number {
    return this.#slot;
  }
  get backend(): BackendState {
    return this.#backend!;
  }
  get exchange(): Exchange {
    return this.#exchange!;
  }
  get startedAt(): number {
    return this.#startedAt;
  }

  begin(backend: BackendState, exchange: Exchange, startedAt: number): void {
    this.#backend = backend;
    this.#exchange = exchange;
    this.#startedAt = startedAt;
  }
  /** A free lease must not keep an old generation alive. */
  forget(): void {
    this.#backend = undefined;
    this.#exchange = undefined;
    this.strategy = undefined;
    const gone = this as Partial<Pick<this, 'pool'>>;
    gone.pool = undefined;
  }
}

export class LeaseTable {
  opened = 0;
  closed = 0;
  readonly #free: LeaseState[] = [];
  #slots = 0;

  /** A lease on the backend, or `undefined` when its limit was reached meanwhile. */
  open(backend: BackendState, pool: Pool, exchange: Exchange, strategy: StrategyInstance | undefined, now: number): LeaseState | undefined {
    if (!backend.acquire()) return undefined;
    this.opened++;
    const lease = this.#free.pop() ?? new LeaseState(this.#slots++);
    lease.begin(backend, exchange, now);
    lease.pool = pool;
    lease.strategy = strategy;
    lease.connectMs = -1;
    lease.firstByteMs = -1;
    lease.bytesToBackend = 0;
    lease.bytesFromBackend = 0;
    return lease;
  }

  /** The in-flight is given back at once; the slot when everybody has heard the end (`recycle`). */
  close(lease: LeaseState): void {
    this.closed++;
    lease.backend.giveBack();
  }

  recycle(lease: LeaseState): void {
    lease.forget();
    this.#free.push(lease);
  }
}

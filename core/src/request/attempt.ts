/** What an HTTP exchange and a TCP connection have in common: both ask for a backend, hold a lease, and are settled. */
import type { Connection, Route } from '@steelyard/sdk';
import type { Generation } from '../generation.ts';
import type { Lane } from '../lane.ts';
import type { BackendState } from '../upstream/backend.ts';
import type { LeaseState } from '../upstream/leases.ts';
import type { Pool } from '../upstream/pool.ts';
import type { DataThread } from '../workers/data-thread.ts';

export abstract class AttemptingExchange {
  id = 0;
  startedAt = 0;
  attempts = 0;
  clientAddress = '';
  connection!: Connection;
  thread!: DataThread;
  /** The config it runs under, from its first byte to its last. */
  generation!: Generation;
  /** Hooks and counters of its way: listener, route, pool. */
  lane!: Lane;
  /** Backends whose attempt failed; none of them is asked again. */
  readonly tried: BackendState[] = [];
  /** The attempt under way. */
  lease: LeaseState | undefined;
  /** The backend of the last attempt. */
  backend: BackendState | undefined;

  abstract readonly protocol: 'http' | 'tcp';
  abstract readonly route: Route | undefined;

  /** Monotonic milliseconds, for what is told of times. */
  now(): number {
    return this.thread.deadlines.readClock();
  }

  get pool(): Pool {
    return this.lane.pool!;
  }
}

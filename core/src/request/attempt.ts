/** What an HTTP exchange and a TCP connection have in common: both ask for a backend, hold a lease, and are settled. */
import type { Connection, Route } from '@steelyard/sdk';
import type { DataThread } from '../data-thread.ts';
import type { Generation } from '../generation.ts';
import type { Lane } from '../lane.ts';
import type { BackendState } from '../upstream/backend.ts';
import type { LeaseState } from '../upstream/leases.ts';
import type { Pool } from '../upstream/pool.ts';

export abstract class AttemptingExchange {
  // What plugins are shown is read-only to them in fact: one that writes there by mistake throws, and does not decide for the core.
  #id = 0;
  #startedAt = 0;
  #attempts = 0;
  #clientAddress = '';
  #connection: Connection | undefined;
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

  get id(): number {
    return this.#id;
  }
  get startedAt(): number {
    return this.#startedAt;
  }
  get attempts(): number {
    return this.#attempts;
  }
  get clientAddress(): string {
    return this.#clientAddress;
  }
  get connection(): Connection {
    return this.#connection!;
  }

  /** It begins. */
  protected identify(connection: Connection, id: number, startedAt: number): void {
    this.#connection = connection;
    this.#id = id;
    this.#startedAt = startedAt;
    this.#attempts = 0;
    this.#clientAddress = connection.remoteAddress;
  }
  /** A trusted proxy says who the client is. */
  believe(clientAddress: string): void {
    this.#clientAddress = clientAddress;
  }
  /** How many there are with this one. */
  countAttempt(): number {
    return ++this.#attempts;
  }
  /** It is over: an object that waits for its next use keeps no connection. */
  protected detach(): void {
    this.#connection = undefined;
  }

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

/**
 * The core's counters of the data path: rows of the scoreboard, in which each thread has cells of its own, so that an exchange costs a few
 * additions and an exporter nothing. Names are resolved to offsets once, when a generation is built. Main's snapshot adds the threads up.
 */
import type { HealthState, MetricFamily, Outcome, Result } from '@steelyard/sdk';
import { COUNTERS } from '../board/layout.ts';
import type { Scoreboard } from '../board/scoreboard.ts';
import type { BackendState } from '../upstream/backend.ts';
import { LIMIT_NAMES } from '../limits.ts';
import { CounterBook } from './counter-book.ts';
import { backendFamilies, countAttempt, countFlip } from './backend-cells.ts';
import { RETRIES } from './pool-cells.ts';
import { CONNECTIONS_CLOSED, CONNECTIONS_OPENED, CONNECTIONS_REFUSED, countExchange, routeFamilies } from './route-cells.ts';

/** Where this thread's counters of one listener and route begin, for as long as a config has both. */
export interface RouteCounters {
  readonly listener: string;
  /** '' = no route matched, or TCP. */
  readonly route: string;
  readonly offset: number;
}

/** Where this thread counts a listener's limits, and the row in which all threads count its open connections. */
export interface LimitCounters {
  readonly listener: string;
  readonly row: number;
  readonly offset: number;
}

/** Whether a pool's health is believed. */
export interface Panic {
  readonly pool: string;
  readonly isPanicking: boolean;
}

export class TrafficMetrics {
  readonly #board: Scoreboard;
  readonly #book: CounterBook;
  readonly #routes = new Map<string, RouteCounters>();
  /** By listener: where its connections are counted. */
  readonly #listeners = new Map<string, number>();
  /** By pool. */
  readonly #pools = new Map<string, number>();
  /** Of the book, whose rows these three hold. */
  #version = 0;
  #reloads = 0;
  #failedReloads = 0;
  #generation = 0;

  /** @param board the one that the backends' rows are in. */
  constructor(board: Scoreboard, book = new CounterBook(board)) {
    this.#board = board;
    this.#book = book;
  }

  /** The counters of a listener and a route; the same names always give the same ones. Not for the data path: ask once. */
  routeCounters(listener: string, route = ''): RouteCounters {
    this.#follow();
    const key = `${listener}\u0000${route}`;
    const known = this.#routes.get(key);
    if (known) return known;
    const counters = { listener, route, offset: this.#board.counterOffset(this.#book.route(listener, route)) };
    this.#routes.set(key, counters);
    return counters;
  }

  /** The limits of a listener; without a name those of all together. Not for the data path: ask once. */
  limitCounters(listener = ''): LimitCounters {
    const row = this.#book.limits(listener);
    return { listener, row, offset: this.#board.counterOffset(row) };
  }

  /** A limit was met: something was refused or cut for it, or has to wait. @param limit its number in `LIMIT_NAMES`. */
  limitHit(counters: LimitCounters, limit: number): void {
    this.#board.counters()[counters.offset + limit]!++;
  }

  /** An exchange has ended; once for each. */
  exchange(counters: RouteCounters, result: Result): void {
    countExchange(this.#board.counters(), counters.offset, result);
  }

  /** A lease has ended; once for each. */
  attempt(backend: BackendState, outcome: Outcome): void {
    countAttempt(this.#board.counters(), this.#board.counterOffset(backend.row), outcome);
  }

  /** A flip of a backend's health. */
  healthChanged(backend: BackendState, to: HealthState): void {
    countFlip(this.#board.counters(), this.#board.counterOffset(backend.row), to);
  }

  connectionOpened(listener: string): void {
    const at = this.#listener(listener);
    this.#board.counters()[at + CONNECTIONS_OPENED]!++;
  }
  connectionClosed(listener: string): void {
    const at = this.#listener(listener);
    this.#board.counters()[at + CONNECTIONS_CLOSED]!++;
  }
  /** By a plugin, in `onConnect`. It is also told as opened and closed. */
  connectionRefused(listener: string): void {
    const at = this.#listener(listener);
    this.#board.counters()[at + CONNECTIONS_REFUSED]!++;
  }

  /** A further attempt for an exchange of this pool. */
  retry(pool: string): void {
    this.#follow();
    let at = this.#pools.get(pool);
    if (at === undefined) this.#pools.set(pool, (at = this.#board.counterOffset(this.#book.pool(pool))));
    this.#board.counters()[at + RETRIES]!++;
  }

  /** @param generation counts up from 1; the one that serves from now on. Left out when the reload failed. */
  reload(ok: boolean, generation = this.#generation): void {
    if (ok) this.#reloads++;
    else this.#failedReloads++;
    this.#generation = generation;
  }
  /** The first config, which is no reload. */
  started(generation: number): void {
    this.#generation = generation;
  }

  /**
   * In main, once a worker has ended and before another takes its block: the connections it had open are closed. Without it they would be
   * shown as open for ever.
   */
  workerGone(block: number): void {
    const cells = this.#board.counters();
    for (const { row } of this.#book.entries().routes) {
      const at = this.#board.counterOffset(row, block);
      cells[at + CONNECTIONS_CLOSED] = cells[at + CONNECTIONS_OPENED]!;
    }
  }

  /** Every family over all threads, also those without samples yet. Backends that are not given are left out. */
  snapshot(backends: Iterable<BackendState>, panics: readonly Panic[] = []): MetricFamily[] {
    const { routes, pools, limits } = this.#book.entries();
    const members = [...backends];
    const routeCells = this.#summed(routes);
    const places = routes.map(({ listener, route }, i) => ({ listener, route, offset: i * COUNTERS }));
    const listeners = places.filter(({ route }) => route === '');
    const perListener = (name: string, type: 'counter' | 'gauge', help: string, value: (offset: number) => number): MetricFamily => ({
      name, type, help, samples: listeners.map(({ listener, offset }) => ({ labels: { listener }, value: value(offset) })),
    });
    // A connection may have been opened and closed between the one load and the other.
    const open = (offset: number): number => Math.max(0, routeCells[offset + CONNECTIONS_OPENED]! - routeCells[offset + CONNECTIONS_CLOSED]!);
    return [
      ...routeFamilies(routeCells, places),
      ...backendFamilies(this.#summed(members), members.map((backend, i) => ({ backend, offset: i * COUNTERS }))),
      perListener('steelyard_connections_open', 'gauge', 'Client connections open now.', open),
      perListener('steelyard_connections_total', 'counter', 'Client connections accepted.', (offset) => routeCells[offset + CONNECTIONS_OPENED]!),
      perListener('steelyard_connections_refused_total', 'counter', 'Client connections refused by a plugin.', (offset) => routeCells[offset + CONNECTIONS_REFUSED]!),
      {
        name: 'steelyard_limit_hits_total', type: 'counter', help: 'Times that a limit was met: a request refused, a connection refused or cut, or accepting paused.',
        samples: limits.filter(({ listener }) => listener !== '').flatMap(({ listener, row }) => (
          LIMIT_NAMES.map((limit, cell) => ({ labels: { listener, limit }, value: this.#board.sum(row, cell) }))
        )),
      },
      {
        name: 'steelyard_retries_total', type: 'counter', help: 'Attempts beyond the first of an exchange.',
        samples: pools.map(({ pool, row }) => ({ labels: { pool }, value: this.#board.sum(row, RETRIES) })),
      },
      {
        name: 'steelyard_pool_panic', type: 'gauge', help: '1 while too few backends of the pool are healthy, so that all of them get traffic.',
        samples: panics.map(({ pool, isPanicking }) => ({ labels: { pool }, value: isPanicking ? 1 : 0 })),
      },
      {
        name: 'steelyard_reloads_total', type: 'counter', help: 'Reloads of the config, by result.',
        samples: [{ labels: { result: 'ok' }, value: this.#reloads }, { labels: { result: 'failed' }, value: this.#failedReloads }],
      },
      { name: 'steelyard_generation', type: 'gauge', help: 'Generation of the config that serves now, from 1.', samples: [{ labels: {}, value: this.#generation }] },
    ];
  }

  /** The counters of these rows over all blocks, one row behind the other. */
  #summed(rows: readonly { readonly row: number }[]): Float64Array {
    const sums = new Float64Array(rows.length * COUNTERS);
    rows.forEach(({ row }, i) => {
      for (let counter = 0; counter < COUNTERS; counter++) sums[i * COUNTERS + counter] = this.#board.sum(row, counter);
    });
    return sums;
  }

  /** A name may have lost its row since, and have another now. */
  #follow(): void {
    if (this.#version === this.#book.version) return;
    this.#version = this.#book.version;
    this.#routes.clear();
    this.#listeners.clear();
    this.#pools.clear();
  }

  #listener(name: string): number {
    this.#follow();
    let at = this.#listeners.get(name);
    if (at === undefined) this.#listeners.set(name, (at = this.routeCounters(name).offset));
    return at;
  }
}

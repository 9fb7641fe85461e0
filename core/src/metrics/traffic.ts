/**
 * The core's counters of the data path: typed arrays with one writer, so that an exchange costs a few additions and an exporter
 * nothing. Names are resolved to offsets once, when a generation is built.
 */
import type { HealthState, MetricFamily, Outcome, Result } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import { bucketOf, HISTOGRAM_SUM, LATENCY_BOUNDS_SECONDS } from './histogram.ts';
import {
  BYTES_FROM_BACKEND, BYTES_TO_BACKEND, CONNECT_SECONDS, CONNECTS, FLIPS_TO_DOWN, FLIPS_TO_UP, ABORTED_BY_BALANCER, ABORTED_BY_CLIENT,
  ABORTED_BY_PLUGIN, ATTEMPT_STATUS, BACKEND_CELLS, backendFamilies, FAILED_IN_BODY, FAILED_IN_CONNECT, FAILED_IN_HEAD, FAILED_IN_SEND,
  REUSES, RESPONSE_SECONDS,
} from './backend-cells.ts';
import {
  ANSWERED_BY_BACKEND, ANSWERED_BY_BALANCER, ANSWERED_BY_NOBODY, ANSWERED_BY_PLUGIN, BYTES_FROM_CLIENT, BYTES_TO_CLIENT, DURATION_SECONDS,
  ENDED_BY_BACKEND, ENDED_BY_BALANCER, ENDED_BY_CLIENT, ENDED_BY_PLUGIN, FIRST_BYTE_SECONDS, REQUEST_STATUS, ROUTE_CELLS, routeFamilies,
} from './route-cells.ts';

/** Where the counters of one listener and route begin. Kept for the life of the process: a reload loses no count. */
export interface RouteCounters {
  readonly listener: string;
  /** '' = no route matched, or TCP. */
  readonly route: string;
  readonly offset: number;
}
interface ListenerCounters {
  opened: number;
  closed: number;
  refused: number;
}

// Milliseconds, as they are measured; shown in seconds.
const BOUNDS_MS = Float64Array.from(LATENCY_BOUNDS_SECONDS, (seconds) => seconds * 1_000);

export class TrafficMetrics {
  #routeCells = new Float64Array(8 * ROUTE_CELLS);
  readonly #routes = new Map<string, RouteCounters>();
  /** By the backend's row. */
  #backendCells = new Float64Array(16 * BACKEND_CELLS);
  /** Whose the numbers of a row are: rows are given out again. */
  readonly #owners: (BackendState | undefined)[] = [];
  readonly #listeners = new Map<string, ListenerCounters>();
  readonly #retries = new Map<string, number>();
  #reloads = 0;
  #failedReloads = 0;
  #generation = 0;

  /** The counters of a listener and a route; the same names always give the same ones. Not for the data path: ask once. */
  routeCounters(listener: string, route = ''): RouteCounters {
    const key = `${listener}\u0000${route}`;
    const known = this.#routes.get(key);
    if (known) return known;
    const counters = { listener, route, offset: this.#routes.size * ROUTE_CELLS };
    this.#routes.set(key, counters);
    this.#routeCells = grown(this.#routeCells, counters.offset + ROUTE_CELLS);
    return counters;
  }

  /** An exchange has ended; once for each. */
  exchange(counters: RouteCounters, result: Result): void {
    const cells = this.#routeCells;
    const at = counters.offset;
    cells[at + REQUEST_STATUS + classOf(result.status)]!++;
    switch (result.answeredBy) {
      case 'backend': cells[at + ANSWERED_BY_BACKEND]!++; break;
      case 'balancer': cells[at + ANSWERED_BY_BALANCER]!++; break;
      case 'plugin': cells[at + ANSWERED_BY_PLUGIN]!++; break;
      case 'nobody': cells[at + ANSWERED_BY_NOBODY]!++; break;
      default: result.answeredBy satisfies never;
    }
    switch (result.abortedBy) {
      case undefined: break;
      case 'client': cells[at + ENDED_BY_CLIENT]!++; break;
      case 'balancer': cells[at + ENDED_BY_BALANCER]!++; break;
      case 'plugin': cells[at + ENDED_BY_PLUGIN]!++; break;
      case 'backend': cells[at + ENDED_BY_BACKEND]!++; break;
      default: result.abortedBy satisfies never;
    }
    cells[at + BYTES_FROM_CLIENT]! += result.bytesFromClient;
    cells[at + BYTES_TO_CLIENT]! += result.bytesToClient;
    observe(cells, at + DURATION_SECONDS, result.durationMs);
    if (result.firstByteMs >= 0) observe(cells, at + FIRST_BYTE_SECONDS, result.firstByteMs);
  }

  /** A lease has ended; once for each. */
  attempt(backend: BackendState, outcome: Outcome): void {
    const at = this.#owners[backend.row] === backend ? backend.row * BACKEND_CELLS : this.#own(backend);
    const cells = this.#backendCells;
    switch (outcome.kind) {
      case 'answered': cells[at + ATTEMPT_STATUS + classOf(outcome.status)]!++; break;
      case 'failed':
        switch (outcome.phase) {
          case 'connect': cells[at + FAILED_IN_CONNECT]!++; break;
          case 'send': cells[at + FAILED_IN_SEND]!++; break;
          case 'head': cells[at + FAILED_IN_HEAD]!++; break;
          case 'body': cells[at + FAILED_IN_BODY]!++; break;
          default: outcome.phase satisfies never;
        }
        break;
      case 'aborted':
        switch (outcome.by) {
          case 'client': cells[at + ABORTED_BY_CLIENT]!++; break;
          case 'balancer': cells[at + ABORTED_BY_BALANCER]!++; break;
          case 'plugin': cells[at + ABORTED_BY_PLUGIN]!++; break;
          default: outcome.by satisfies never;
        }
        break;
      default: outcome satisfies never;
    }
    cells[at + BYTES_TO_BACKEND]! += outcome.bytesToBackend;
    cells[at + BYTES_FROM_BACKEND]! += outcome.bytesFromBackend;
    if (outcome.firstByteMs >= 0) observe(cells, at + RESPONSE_SECONDS, outcome.firstByteMs);
    if (outcome.connectMs > 0) {
      cells[at + CONNECTS]!++;
      observe(cells, at + CONNECT_SECONDS, outcome.connectMs);
    } else if (outcome.bytesToBackend > 0) {
      cells[at + REUSES]!++;
    }
  }

  /** A flip of a backend's health. */
  healthChanged(backend: BackendState, to: HealthState): void {
    const at = this.#own(backend);
    if (to === 'up') this.#backendCells[at + FLIPS_TO_UP]!++;
    if (to === 'down') this.#backendCells[at + FLIPS_TO_DOWN]!++;
  }

  connectionOpened(listener: string): void {
    this.#listener(listener).opened++;
  }
  connectionClosed(listener: string): void {
    this.#listener(listener).closed++;
  }
  /** By a plugin, in `onConnect`. It is also told as opened and closed. */
  connectionRefused(listener: string): void {
    this.#listener(listener).refused++;
  }

  /** A further attempt for an exchange of this pool. */
  retry(pool: string): void {
    this.#retries.set(pool, (this.#retries.get(pool) ?? 0) + 1);
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

  /** The backend has left for good; its numbers go. A backend that takes its row later would reset them too. */
  forget(backend: BackendState): void {
    if (this.#owners[backend.row] === backend) this.#owners[backend.row] = undefined;
  }

  /** Every family, also those without samples yet. Backends that are not given are left out. */
  snapshot(backends: Iterable<BackendState>): MetricFamily[] {
    const rows = [...backends].map((backend) => ({ backend, offset: this.#own(backend) }));
    return [
      ...routeFamilies(this.#routeCells, [...this.#routes.values()]),
      ...backendFamilies(this.#backendCells, rows),
      this.#perListener('steelyard_connections_open', 'gauge', 'Client connections open now.', ({ opened, closed }) => opened - closed),
      this.#perListener('steelyard_connections_total', 'counter', 'Client connections accepted.', ({ opened }) => opened),
      this.#perListener('steelyard_connections_refused_total', 'counter', 'Client connections refused by a plugin.', ({ refused }) => refused),
      {
        name: 'steelyard_retries_total', type: 'counter', help: 'Attempts beyond the first of an exchange.',
        samples: [...this.#retries].map(([pool, value]) => ({ labels: { pool }, value })),
      },
      {
        name: 'steelyard_reloads_total', type: 'counter', help: 'Reloads of the config, by result.',
        samples: [{ labels: { result: 'ok' }, value: this.#reloads }, { labels: { result: 'failed' }, value: this.#failedReloads }],
      },
      { name: 'steelyard_generation', type: 'gauge', help: 'Generation of the config that serves now, from 1.', samples: [{ labels: {}, value: this.#generation }] },
    ];
  }

  /** Offset of the backend's cells; those of whoever had its row before are emptied. */
  #own(backend: BackendState): number {
    const offset = backend.row * BACKEND_CELLS;
    if (this.#owners[backend.row] !== backend) {
      this.#backendCells = grown(this.#backendCells, offset + BACKEND_CELLS);
      this.#backendCells.fill(0, offset, offset + BACKEND_CELLS);
      this.#owners[backend.row] = backend;
    }
    return offset;
  }

  #listener(name: string): ListenerCounters {
    let counters = this.#listeners.get(name);
    if (counters === undefined) this.#listeners.set(name, (counters = { opened: 0, closed: 0, refused: 0 }));
    return counters;
  }

  #perListener(name: string, type: 'counter' | 'gauge', help: string, value: (counters: ListenerCounters) => number): MetricFamily {
    return { name, type, help, samples: [...this.#listeners].map(([listener, counters]) => ({ labels: { listener }, value: value(counters) })) };
  }
}

/** 0 = none, 1 to 5 = the status class. */
function classOf(status: number): number {
  return status >= 100 && status < 600 ? (status / 100) | 0 : 0;
}

function observe(cells: Float64Array, at: number, ms: number): void {
  cells[at + bucketOf(BOUNDS_MS, ms)]!++;
  cells[at + HISTOGRAM_SUM]! += ms / 1_000;
}

function grown(cells: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  if (length <= cells.length) return cells;
  const larger = new Float64Array(Math.max(length, cells.length * 2));
  larger.set(cells);
  return larger;
}

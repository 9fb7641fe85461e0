/** Which row of the scoreboard counts what, by name. A name keeps its row for the life of the process: a reload loses no count. */
import type { Scoreboard } from '../workers/scoreboard.ts';

/** Of a listener and a route; route '' = no route matched, or TCP, and the listener's connections. */
export interface RouteRow {
  readonly listener: string;
  readonly route: string;
  readonly row: number;
}
export interface PoolRow {
  readonly pool: string;
  readonly row: number;
}
/** Of a listener's limits: how often each was met, and its open connections. Listener '' = all together, of which only connections are counted. */
export interface LimitRow {
  readonly listener: string;
  readonly row: number;
}
/** The names and their rows, to be sent to a worker. */
export interface CounterEntries {
  readonly routes: readonly RouteRow[];
  readonly pools: readonly PoolRow[];
  readonly limits: readonly LimitRow[];
}

/** The part of a config that has counters. */
export interface CountedConfig {
  readonly listeners: readonly { readonly name: string }[];
  readonly routes: readonly { readonly name: string; readonly listeners: readonly string[] }[];
  readonly pools: readonly { readonly name: string }[];
}

export class CounterBook {
  readonly #board: Scoreboard;
  readonly #routes = new Map<string, RouteRow>();
  readonly #pools = new Map<string, PoolRow>();
  readonly #limits = new Map<string, LimitRow>();

  constructor(board: Scoreboard) {
    this.#board = board;
  }

  /** Main gives a row to a name that has none yet. @throws Error in a worker: main was to tell it all names first. */
  route(listener: string, route: string): number {
    // No name holds a NUL.
    const key = `${listener}\u0000${route}`;
    const known = this.#routes.get(key);
    if (known !== undefined) return known.row;
    const row = this.#rowFor(`listener ${listener}, route ${route || 'none'}`);
    this.#routes.set(key, { listener, route, row });
    return row;
  }

  /** As `route`. */
  pool(pool: string): number {
    const known = this.#pools.get(pool);
    if (known !== undefined) return known.row;
    const row = this.#rowFor(`pool ${pool}`);
    this.#pools.set(pool, { pool, row });
    return row;
  }

  /** As `route`; without a name the one for all listeners together. */
  limits(listener = ''): number {
    const known = this.#limits.get(listener);
    if (known !== undefined) return known.row;
    const row = this.#rowFor(`limits of listener ${listener}`);
    this.#limits.set(listener, { listener, row });
    return row;
  }

  /** Gives rows to all that exchanges under this config count. With workers main calls it before they hear of the config. */
  declare({ listeners, routes, pools }: CountedConfig): void {
    this.limits();
    for (const { name } of listeners) {
      this.route(name, '');
      this.limits(name);
    }
    for (const { name, listeners: ways } of routes) for (const listener of ways) this.route(listener, name);
    for (const { name } of pools) this.pool(name);
  }

  entries(): CounterEntries {
    return { routes: [...this.#routes.values()], pools: [...this.#pools.values()], limits: [...this.#limits.values()] };
  }

  /** What main's book has; again, with more, before each config. */
  adopt({ routes, pools, limits }: CounterEntries): void {
    for (const entry of [...routes, ...pools, ...limits]) this.#board.ensure(entry.row);
    for (const entry of routes) this.#routes.set(`${entry.listener}\u0000${entry.route}`, entry);
    for (const entry of pools) this.#pools.set(entry.pool, entry);
    for (const entry of limits) this.#limits.set(entry.listener, entry);
  }

  #rowFor(what: string): number {
    if (this.#board.block !== 0) throw new Error(`main has told worker ${this.#board.block} of no row for ${what}`);
    return this.#board.allocate();
  }
}

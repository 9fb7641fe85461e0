/**
 * Which row of the scoreboard counts what, by name. A name keeps its row from reload to reload, so that none loses a count, until the last config
 * that has it has ended: configs that name their pools and routes anew each time would fill the scoreboard, and every scrape.
 */
import type { Scoreboard } from '../board/scoreboard.ts';
import { CONNECTIONS_CLOSED, CONNECTIONS_OPENED } from './route-cells.ts';

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
  /** By row: how many configs have its name. */
  readonly #claims = new Map<number, number>();
  #version = 0;

  constructor(board: Scoreboard) {
    this.#board = board;
  }

  /** Another when a name may have lost its row: whoever keeps rows by name asks for them again. */
  get version(): number {
    return this.#version;
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

  /** As `route`; without a name the one for all listeners together, which is never given back. */
  limits(listener = ''): number {
    const known = this.#limits.get(listener);
    if (known !== undefined) return known.row;
    const row = this.#rowFor(`limits of listener ${listener}`);
    this.#limits.set(listener, { listener, row });
    return row;
  }

  /** A config that is about to come: rows for all that exchanges under it count. Main calls it before the planes hear of the config. */
  declare(config: CountedConfig): void {
    this.limits();
    for (const row of this.#rowsOf(config)) this.#claims.set(row, (this.#claims.get(row) ?? 0) + 1);
  }

  /**
   * A config that was declared has ended in every thread: no exchange counts under it any more. Names that are in no other give their rows back;
   * those of a listener's connections go on while one is open that was accepted under that name.
   */
  release(config: CountedConfig): void {
    for (const row of this.#rowsOf(config)) this.#claims.set(row, this.#claims.get(row)! - 1);
    for (const [key, { row, route }] of this.#routes) if (this.#isFree(row) && (route !== '' || !this.#hasOpenConnections(row))) this.#free(row, this.#routes, key);
    for (const [key, { row }] of this.#pools) if (this.#isFree(row)) this.#free(row, this.#pools, key);
    for (const [key, { row }] of this.#limits) if (this.#isFree(row) && this.#board.inFlight(row) === 0) this.#free(row, this.#limits, key);
  }

  /** Each once, though a route may name a listener twice. */
  #rowsOf({ listeners, routes, pools }: CountedConfig): Set<number> {
    return new Set([
      ...listeners.flatMap(({ name }) => [this.route(name, ''), this.limits(name)]),
      ...routes.flatMap(({ name, listeners: ways }) => ways.map((listener) => this.route(listener, name))),
      ...pools.map(({ name }) => this.pool(name)),
    ]);
  }

  #isFree(row: number): boolean {
    return this.#claims.get(row) === 0;
  }

  #hasOpenConnections(row: number): boolean {
    return this.#board.sum(row, CONNECTIONS_OPENED) !== this.#board.sum(row, CONNECTIONS_CLOSED);
  }

  #free(row: number, names: Map<string, unknown>, key: string): void {
    names.delete(key);
    this.#claims.delete(row);
    this.#board.free(row);
    this.#version++;
  }

  entries(): CounterEntries {
    return { routes: [...this.#routes.values()], pools: [...this.#pools.values()], limits: [...this.#limits.values()] };
  }

  /** What main's book has; again, with other names, before each config. */
  adopt({ routes, pools, limits }: CounterEntries): void {
    this.#routes.clear();
    this.#pools.clear();
    this.#limits.clear();
    this.#version++;
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

/**
 * Every backend that any living generation uses: the reason why a backend outlives reloads. It is the same one as long as pool, id and
 * address are the same: an id of the config's own that moves to another address is another server, of which nothing is known.
 */
import { LocalRows, type Rows } from '../board/rows.ts';
import type { Scoreboard } from '../board/scoreboard.ts';
import type { ResolvedBackend } from '../config/resolved.ts';
import type { HostNames } from './given-addresses.ts';
import { BackendState, type FlipListener } from './backend.ts';

export class BackendRegistry {
  readonly #board: Scoreboard;
  readonly #onFlip: FlipListener;
  readonly #names: HostNames;
  readonly #onGone: (backend: BackendState) => void;
  readonly #rows: Rows;
  readonly #lookups = new Set<Promise<void>>();
  /** Left, with leases open or a row that other threads still use: if it comes back meanwhile, what its row counts goes on. */
  readonly #leaving = new Map<string, BackendState>();
  readonly #byRow = new Map<number, BackendState>();
  readonly #known = new Map<string, { backend: BackendState; claims: number }>();

  constructor(board: Scoreboard, names: HostNames, onFlip: FlipListener, onGone: (backend: BackendState) => void, rows: Rows = new LocalRows(board)) {
    this.#board = board;
    this.#names = names;
    this.#onFlip = onFlip;
    this.#onGone = onGone;
    this.#rows = rows;
  }

  /**
   * The backend that the spec names, new or known; it lives until each claim was released. Does not touch the settings of a known one.
   * @param row the one that main gave it
   */
  claim(pool: string, spec: ResolvedBackend, row?: number): BackendState {
    const key = keyOf(pool, spec);
    const known = this.#known.get(key);
    if (known && (row === undefined || row === known.backend.row)) {
      known.claims++;
      return known.backend;
    }
    const returned = this.#leaving.get(key);
    this.#leaving.delete(key);
    const isSame = returned !== undefined && (row === undefined || row === returned.row);
    const backend = isSame && returned.comeBack() ? returned : new BackendState(pool, spec, this.#board, this.#onFlip, this.#names, this.#rows, row);
    const looking = this.#names.claim(spec.host).finally(() => this.#lookups.delete(looking));
    this.#lookups.add(looking);
    this.#known.set(key, { backend, claims: 1 });
    this.#byRow.set(backend.row, backend);
    return backend;
  }

  /** One claim less. The row of the scoreboard is given back with the last one, when no lease is open on it either, in any thread. */
  release(backend: BackendState): void {
    const key = keyOf(backend.pool, backend);
    const entry = this.#known.get(key);
    if (!entry || entry.backend !== backend || --entry.claims > 0) return;
    this.#known.delete(key);
    this.#byRow.delete(backend.row);
    this.#onGone(backend);
    this.#names.release(backend.host);
    backend.retire(() => {
      if (this.#leaving.get(key) === backend) this.#leaving.delete(key);
    });
    if (!backend.isGone) this.#leaving.set(key, backend);
  }

  /** Who lives on that row now. */
  ofRow(row: number): BackendState | undefined {
    return this.#byRow.get(row);
  }

  /** The names of all backends were looked up once, found or not. */
  async resolved(): Promise<void> {
    await Promise.all(this.#lookups);
  }

  /** Leases open on all backends, also on those that left with some. */
  get inFlight(): number {
    return [...this.all(), ...this.#leaving.values()].reduce((sum, backend) => sum + backend.inFlight, 0);
  }

  all(): Iterable<BackendState> {
    return [...this.#known.values()].map((entry) => entry.backend);
  }

  /** For metrics, where pool and id are the name: of two servers that had one after the other, the newest. */
  newest(): Iterable<BackendState> {
    const byName = new Map<string, BackendState>();
    for (const backend of this.all()) byName.set(`${backend.pool} ${backend.id}`, backend);
    return byName.values();
  }
}

/** A space stands in no URL. */
function keyOf(pool: string, { url, id }: { url: string; id: string }): string {
  return `${url} ${pool} ${id}`;
}

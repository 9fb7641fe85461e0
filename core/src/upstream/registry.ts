/** Every backend that any living generation uses, by id: the reason why a backend outlives reloads. */
import type { ResolvedBackend } from '../config/resolved.ts';
import type { Resolver } from './resolver.ts';
import type { Scoreboard } from '../workers/scoreboard.ts';
import { BackendState, type FlipListener } from './backend.ts';

export class BackendRegistry {
  readonly #board: Scoreboard;
  readonly #onFlip: FlipListener;
  readonly #resolver: Resolver;
  readonly #onGone: (backend: BackendState) => void;
  readonly #lookups = new Set<Promise<void>>();
  readonly #byId = new Map<string, { backend: BackendState; claims: number }>();

  constructor(board: Scoreboard, resolver: Resolver, onFlip: FlipListener, onGone: (backend: BackendState) => void) {
    this.#board = board;
    this.#resolver = resolver;
    this.#onFlip = onFlip;
    this.#onGone = onGone;
  }

  /** The backend of this id, new or known; it lives until each claim was released. Does not touch the settings of a known one. */
  claim(pool: string, spec: ResolvedBackend): BackendState {
    const known = this.#byId.get(spec.id);
    if (known) {
      known.claims++;
      return known.backend;
    }
    const backend = new BackendState(pool, spec, this.#board, this.#onFlip, this.#resolver);
    const looking = this.#resolver.claim(spec.host).finally(() => this.#lookups.delete(looking));
    this.#lookups.add(looking);
    this.#byId.set(spec.id, { backend, claims: 1 });
    return backend;
  }

  /** One claim less. The row of the scoreboard is given back with the last one, when no lease is open on it either. */
  release(backend: BackendState): void {
    const entry = this.#byId.get(backend.id);
    if (!entry || entry.backend !== backend || --entry.claims > 0) return;
    this.#byId.delete(backend.id);
    this.#onGone(backend);
    this.#resolver.release(backend.host);
    backend.retire();
  }

  /** The names of all backends were looked up once, found or not. */
  async resolved(): Promise<void> {
    await Promise.all(this.#lookups);
  }

  all(): Iterable<BackendState> {
    return [...this.#byId.values()].map((entry) => entry.backend);
  }
}

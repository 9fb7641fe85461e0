/** A backend as the core holds it: identity, health marks, load. It outlives reloads and membership changes. */
import type { Backend, HealthChange, HealthState, Protocol } from '@steelyard/sdk';
import type { ResolvedBackend } from '../config/resolved.ts';
import { MAX_SOURCES, type Scoreboard } from '../workers/scoreboard.ts';

/** One source's objection: while there is one, the backend gets nothing new. */
export interface Mark {
  readonly source: string;
  readonly reason: string;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export type FlipListener = (change: HealthChange) => void;

export class BackendState implements Backend {
  readonly id: string;
  readonly pool: string;
  readonly url: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  /** Row in the scoreboard; also a dense index for side arrays of the core. */
  readonly row: number;
  /** State that plugins keep beside it: by plugin and key (`host.perBackend`). */
  readonly pluginState = new Map<string, unknown>();
  weight = 1;
  labels: Readonly<Record<string, string>> = {};
  zone = '';
  priority = 0;
  maxInFlight = Infinity;

  readonly #board: Scoreboard;
  readonly #onFlip: FlipListener;
  readonly #marks = new Map<string, Mark>();
  readonly #bits = new Map<string, number>();

  constructor(pool: string, spec: ResolvedBackend, board: Scoreboard, onFlip: FlipListener) {
    this.id = spec.id;
    this.pool = pool;
    this.url = spec.url;
    this.protocol = spec.protocol;
    this.host = spec.host;
    this.port = spec.port;
    this.address = spec.address;
    this.row = board.allocate();
    this.#board = board;
    this.#onFlip = onFlip;
    this.configure(spec);
  }

  /** What may change while the identity stays. */
  configure(spec: ResolvedBackend): void {
    this.weight = spec.weight;
    this.labels = spec.labels;
    this.zone = spec.zone;
    this.priority = spec.priority;
    this.maxInFlight = spec.maxInFlight;
    this.#board.setLimit(this.row, spec.maxInFlight);
    this.#board.setDraining(this.row, spec.drain);
  }

  get inFlight(): number {
    return this.#board.inFlight(this.row);
  }
  get draining(): boolean {
    return this.#board.draining(this.row);
  }
  get health(): HealthState {
    if (this.#board.marks(this.row) !== 0) return 'down';
    return this.#board.known(this.row) ? 'up' : 'unknown';
  }
  get marks(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  /** The bit that stands for a source in the mark word and in the streaks. @throws RangeError beyond 24 sources (the config refuses that many). */
  sourceBit(source: string): number {
    const known = this.#bits.get(source);
    if (known !== undefined) return known;
    const taken = new Set(this.#bits.values());
    for (let bit = 0; bit < MAX_SOURCES; bit++) {
      if (taken.has(bit)) continue;
      this.#bits.set(source, bit);
      return bit;
    }
    throw new RangeError(`${this.id} has more than ${MAX_SOURCES} health sources`);
  }

  /** Marks the backend in the name of one source; a mark that is there already only gets its new reason. */
  mark(source: string, reason: string, now: number): void {
    const before = this.health;
    this.#marks.set(source, { source, reason, since: this.#marks.get(source)?.since ?? now });
    this.#board.setMark(this.row, this.sourceBit(source), true);
    this.#board.setKnown(this.row);
    this.#tellFlip(before, source, reason);
  }

  /** Takes this source's own mark away, and says that the backend is known to be good as far as this source sees. */
  clear(source: string, reason: string): void {
    const before = this.health;
    this.#marks.delete(source);
    this.#board.setMark(this.row, this.sourceBit(source), false);
    this.#board.setKnown(this.row);
    this.#tellFlip(before, source, reason);
  }

  /** The source is gone (its check left the config): its mark goes too, and its bit may serve another. Says nothing about the backend. */
  forgetSource(source: string, reason: string): void {
    const bit = this.#bits.get(source);
    if (bit === undefined) return;
    const before = this.health;
    this.#marks.delete(source);
    this.#board.setMark(this.row, bit, false);
    this.#board.clearFailures(this.row, bit);
    this.#bits.delete(source);
    this.#tellFlip(before, source, reason);
  }

  #tellFlip(from: HealthState, source: string, reason: string): void {
    const to = this.health;
    if (from !== to) this.#onFlip({ backend: this, from, to, source, reason });
  }
}

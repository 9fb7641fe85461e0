/** A backend as the core holds it: identity, health marks, load. It outlives reloads and membership changes. */
import type { Backend, HealthChange, HealthState, Protocol } from '@steelyard/sdk';
import { LocalRows, type Rows } from '../board/rows.ts';
import { MAX_SOURCES, type Scoreboard } from '../board/scoreboard.ts';
import type { ResolvedBackend } from '../config/resolved.ts';
import type { Resolver } from './resolver.ts';

/** One source's objection: while there is one, the backend gets nothing new. */
interface Mark {
  readonly source: string;
  readonly reason: string;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/** Turns a host into an address to connect to. */
export type AddressBook = Pick<Resolver, 'address'>;

/** Leaves names to the system's resolver, at each connect. */
const NAMES: AddressBook = { address: (host) => host };

export type FlipListener = (change: HealthChange) => void;

export class BackendState implements Backend {
  // These two stand first on purpose: they lie in the object's first cache line, and a pick that reads `inFlight` of many needs no other.
  readonly #board: Scoreboard;
  readonly row: number;
  readonly id: string;
  readonly pool: string;
  readonly url: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  /** State that plugins keep beside it: by plugin and key (`host.perBackend`). */
  readonly pluginState = new Map<string, unknown>();
  /** `Host:` line with its own address, ending in CRLF, for routes that want it and for HTTP/1.0 requests without one. */
  readonly hostLine: Buffer;
  #weight = 1;
  #labels: Readonly<Record<string, string>> = {};
  #zone = '';
  #priority = 0;
  #maxInFlight = Infinity;

  readonly #rows: Rows;
  /** In a worker main writes limit and drain: each worker hears of a new config at a moment of its own. */
  readonly #writesSettings: boolean;
  readonly #resolver: AddressBook;
  readonly #onFlip: FlipListener;
  readonly #marks = new Map<string, Mark>();
  readonly #bits = new Map<string, number>();
  #isRetired = false;
  /** The row was handed to `rows`, which may not be through with it. */
  #hasRetiredRow = false;
  #hasLostRow = false;
  #onGone: () => void = () => {};

  /** @param row the one that main gave it, in a worker. */
  constructor(pool: string, spec: ResolvedBackend, board: Scoreboard, onFlip: FlipListener, resolver: AddressBook = NAMES, rows: Rows = new LocalRows(board), row?: number) {
    this.id = spec.id;
    this.pool = pool;
    this.url = spec.url;
    this.protocol = spec.protocol;
    this.host = spec.host;
    this.port = spec.port;
    this.address = spec.address;
    this.hostLine = Buffer.from(`Host: ${spec.port === 80 ? spec.address.replace(/:80$/, '') : spec.address}\r\n`, 'latin1');
    this.row = rows.allocate(row);
    this.#board = board;
    this.#rows = rows;
    this.#writesSettings = row === undefined;
    this.#resolver = resolver;
    this.#onFlip = onFlip;
    this.configure(spec);
    // All plugins of a pool are given this object, and the core works by it: whoever writes to it throws.
    Object.freeze(this);
  }

  /** What may change while the identity stays. */
  configure(spec: ResolvedBackend): void {
    this.#weight = spec.weight;
    this.#labels = spec.labels;
    this.#zone = spec.zone;
    this.#priority = spec.priority;
    this.#maxInFlight = spec.maxInFlight;
    if (!this.#writesSettings) return;
    this.#board.setLimit(this.row, spec.maxInFlight);
    this.#board.setDraining(this.row, spec.drain);
  }

  get weight(): number {
    return this.#weight;
  }
  get labels(): Readonly<Record<string, string>> {
    return this.#labels;
  }
  get zone(): string {
    return this.#zone;
  }
  get priority(): number {
    return this.#priority;
  }
  get maxInFlight(): number {
    return this.#maxInFlight;
  }
  /** Where to connect: an address of `host`. The name itself when it could not be resolved yet: then the connect says why. */
  get connectHost(): string {
    return this.#resolver.address(this.host) ?? this.host;
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

  /** The source begins anew: its mark and its failures go, its bit stays. */
  resetSource(source: string, reason: string): void {
    const before = this.health;
    const bit = this.sourceBit(source);
    this.#marks.delete(source);
    this.#board.setMark(this.row, bit, false);
    this.#board.clearFailures(this.row, bit);
    this.#tellFlip(before, source, reason);
  }

  /** Bits that were given to sources other than these are free again: the config that wanted them did not come to serve. */
  keepSources(sources: ReadonlySet<string>): void {
    for (const source of this.#bits.keys()) if (!sources.has(source)) this.forgetSource(source, 'its check is in no config');
  }

  /** No generation of this thread uses it any more. Its row goes back once this thread's last lease on it has ended; `onGone` is called, at once or later, when it may be another's. */
  retire(onGone: () => void = () => {}): void {
    this.#isRetired = true;
    this.#onGone = onGone;
    this.#retireRowIfUnused();
  }

  /** A generation uses it again. False when its row is another's by now, or may be. */
  comeBack(): boolean {
    if (this.#hasLostRow || (this.#hasRetiredRow && !this.#rows.keep(this.row))) return false;
    this.#isRetired = false;
    this.#hasRetiredRow = false;
    return true;
  }

  /** Retired, and its row may be another's: what the scoreboard says there is not about this one. */
  get isGone(): boolean {
    return this.#hasLostRow;
  }

  /** Opens one unit of in-flight; false when the limit is reached. */
  acquire(): boolean {
    return this.#board.acquire(this.row);
  }

  /** Ends what `acquire` opened. */
  giveBack(): void {
    this.#board.giveBack(this.row);
    if (this.#isRetired) this.#retireRowIfUnused();
  }

  /** Counts a failure that a passive source saw, over all workers. Returns how many there were in a row. */
  addFailure(bit: number): number {
    return this.#board.addFailure(this.row, bit);
  }

  /** When its last mark ended, by main's clock in milliseconds: leases opened before are left-overs and say nothing new. */
  get upSince(): number {
    return this.#board.upSince(this.row);
  }
  set upSince(ms: number) {
    this.#board.setUpSince(this.row, ms);
  }

  /** Failures in a row, over all workers. */
  failures(bit: number): number {
    return this.#board.failures(this.row, bit);
  }

  /** A success, or the end of a mark: failures count anew. */
  clearFailures(bit: number): void {
    this.#board.clearFailures(this.row, bit);
  }

  /** For whoever writes a backend into a log: its public face. */
  toJSON(): object {
    const { id, pool, url, weight, labels, zone, priority, inFlight, health, draining } = this;
    return { id, pool, url, weight, labels, zone, priority, inFlight, health, draining };
  }

  #retireRowIfUnused(): void {
    if (this.#hasRetiredRow || this.#board.ownInFlight(this.row) > 0) return;
    this.#hasRetiredRow = true;
    this.#rows.retire(this.row, () => {
      this.#hasLostRow = true;
      this.#onGone();
    });
  }

  #tellFlip(from: HealthState, source: string, reason: string): void {
    const to = this.health;
    if (from !== to) this.#onFlip({ backend: this, from, to, source, reason });
  }
}

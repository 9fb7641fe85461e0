/** A pool of one generation: its members as they stand, the strategy that picks among them, and what a pick may look at. */
import type { Backend, Member, PoolView } from '@steelyard/sdk';
import type { Scoreboard } from '../board/scoreboard.ts';
import type { ResolvedPool } from '../config/resolved.ts';
import type { HeadLimits } from '../http1/limits.ts';
import type { PluginRuntime } from '../plugins/runtime.ts';
import type { GuardedStrategy } from '../plugins/strategy.ts';
import type { BackendState } from './backend.ts';
import { isPanicking } from './panic.ts';
import { RetryBudget } from './retry-budget.ts';

/** Servers are trusted with more fields than clients, but not with any number. */
const MAX_RESPONSE_HEADERS = 1_000;

export class Pool implements PoolView {
  readonly config: ResolvedPool;
  readonly responseLimits: HeadLimits;
  #budget: RetryBudget;
  #strategy: GuardedStrategy | undefined;
  #plugin: PluginRuntime | undefined;
  #backends: readonly BackendState[] = NONE;
  #tried: readonly BackendState[] = NONE;
  #wasRefused = false;
  readonly #board: Scoreboard;
  readonly #takesUnknown: boolean;
  /** The members by their row, which is a dense index. */
  #byRow: (BackendState | undefined)[] = [];
  /** Health marks are not believed. */
  #isPanicking = false;
  /** What `version` was counted with: the scoreboard's changes and whether a member has a limit. */
  #seenChanges = 0;
  #hasLimits = false;
  #version = 1;
  /** Where core's own order stands: the place of its last pick. */
  #cursor = -1;

  /**
   * @param hasActiveCheck without one, nothing would ever end `unknown` but traffic.
   * @param shares how many threads share the pool's retries
   */
  constructor(config: ResolvedPool, board: Scoreboard, hasActiveCheck: boolean, shares = 1) {
    this.config = config;
    this.#board = board;
    this.#takesUnknown = config.unknown === 'available' || !hasActiveCheck;
    this.responseLimits = { maxHeadBytes: config.maxResponseHeadBytes, maxTargetBytes: config.maxResponseHeadBytes, maxHeaders: MAX_RESPONSE_HEADERS };
    this.#budget = new RetryBudget(config.retry.budget, config.retry.budgetPerSecond / shares);
    // It is what strategies are shown of their pool: a plugin that writes to it throws.
    Object.freeze(this);
  }

  get name(): string {
    return this.config.name;
  }

  /** The strategy's instance, already guarded, and the plugin it came from. */
  useStrategy(instance: GuardedStrategy, plugin: PluginRuntime): void {
    this.#strategy = instance;
    this.#plugin = plugin;
  }
  /** `undefined` = core's own order. */
  get strategy(): GuardedStrategy | undefined {
    return this.#strategy;
  }
  get plugin(): PluginRuntime | undefined {
    return this.#plugin;
  }
  get budget(): RetryBudget {
    return this.#budget;
  }
  /** In the order of the config or the discovery, frozen. Replaced as a whole when membership changes. */
  get backends(): readonly BackendState[] {
    return this.#backends;
  }
  /** Backends that the exchange now picking has tried. Set by `select` before each pick: picks are synchronous. */
  set tried(backends: readonly BackendState[]) {
    this.#tried = backends;
    this.#wasRefused = false;
  }
  /** Whether the strategy, or a tap, said `nobody` to this pick. */
  get wasRefused(): boolean {
    return this.#wasRefused;
  }

  /** State that is not per backend: the retry budget stays, unless its size changed; core's own order goes on behind its last pick; a strategy's goes to the new instance, if both are the same in the same version. */
  adoptFrom(previous: Pool): void {
    if (previous.budget.isLike(this.budget)) this.#budget = previous.budget;
    const place = this.backends.indexOf(previous.backends[previous.#cursor]!);
    this.#cursor = place < 0 ? previous.#cursor : place;
    const [ours, theirs] = [this.config.strategy?.definition, previous.config.strategy?.definition];
    if (!ours || ours.name !== theirs?.name || (ours.stateVersion ?? 1) !== (theirs.stateVersion ?? 1)) return;
    const state = previous.strategy?.snapshot?.();
    if (state !== undefined) this.strategy?.adopt?.(state);
  }

  /** The members from now on. Strategies are told; leases on those that left run to their end. */
  setMembers(backends: readonly BackendState[]): void {
    this.#backends = Object.freeze([...backends]);
    this.#byRow = Array.from({ length: Math.max(-1, ...backends.map(({ row }) => row)) + 1 }, () => undefined);
    for (const backend of backends) this.#byRow[backend.row] = backend;
    this.healthChanged();
    this.#renew();
    // Frozen: a strategy that sorts its list in place would sort that of its wrapper, too.
    const members: readonly Member[] = Object.freeze(backends.map((backend) => Object.freeze({ backend, weight: backend.weight })));
    this.strategy?.update(members);
  }

  /** The health of a member changed. */
  healthChanged(): void {
    const wasPanicking = this.#isPanicking;
    this.#isPanicking = isPanicking(this.backends, this.config.panicThreshold, this.#takesUnknown);
    if (wasPanicking !== this.#isPanicking) this.#renew();
  }

  get version(): number {
    if (this.#tried.length !== 0) return 0;
    if (this.#board.changes !== this.#seenChanges) this.#renew();
    return this.#hasLimits ? 0 : this.#version;
  }

  #renew(): void {
    // Before the rows are read: a change between the two is then seen at the next pick.
    this.#seenChanges = this.#board.changes;
    this.#hasLimits = this.#backends.some(({ row }) => this.#board.limit(row) !== Infinity);
    this.#version++;
  }

  /** Of anything: a plugin may ask about a backend of another pool, or an object of its own making. */
  has(backend: Backend): boolean {
    return typeof backend === 'object' && backend !== null && this.#byRow[(backend as BackendState).row] === backend;
  }

  isAvailable(backend: Backend): boolean {
    if (!this.has(backend)) return false;
    const member = backend as BackendState;
    return this.canTake(member) && (this.#tried.length === 0 || !this.#tried.includes(member));
  }

  inFlightAt(row: number): number {
    return this.#board.inFlight(row);
  }

  nobody(): undefined {
    this.#wasRefused = true;
    return undefined;
  }

  /** Healthy (or nobody's health is believed), not draining, below its limit. Whether it was tried is not asked. */
  canTake(backend: BackendState): boolean {
    return this.#board.canTake(backend.row, !this.#isPanicking, this.#takesUnknown);
  }

  /** Core's own order, when no tap had an opinion: the next available one with a weight, then any available one. */
  nextAvailable(): BackendState | undefined {
    const count = this.backends.length;
    let weightless: BackendState | undefined;
    for (let step = 0; step < count; step++) {
      this.#cursor = (this.#cursor + 1) % count;
      const backend = this.backends[this.#cursor]!;
      if (!this.isAvailable(backend)) continue;
      if (backend.weight > 0) return backend;
      weightless ??= backend;
    }
    return weightless;
  }
}

const NONE: readonly BackendState[] = [];

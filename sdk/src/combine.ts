/**
 * Strategies over strategies: how a combinator (`sticky`, `slow-start`, `fallback`) is typed, and what it holds its inner strategies with.
 * Its options name them (`over: StrategyUse`), `host.strategy` creates them.
 */
import type { ConnectionKeys, HashKeys } from './key.ts';
import type { ExchangeOf, StrategyInstance, StrategyKind, StrategyProtocol, StrategyUse } from './define.ts';
import type { Backend, Lease, Member, Outcome, PoolView, ResponseHead } from './model.ts';

/** Options that are strategies, or lists of them. */
type InnerKeys<O> = { [N in keyof O]-?: [NonNullable<O[N]>] extends [StrategyUse | readonly StrategyUse[]] ? N : never }[keyof O];

/** The same options with strategies of these protocols and kinds: what they are is read off the options that are given. */
type Wrapping<O, P extends StrategyProtocol, K extends StrategyKind> = {
  [N in keyof O as N extends InnerKeys<O> ? N : never]: NonNullable<O[N]> extends readonly unknown[] ? readonly StrategyUse<P, K>[] : StrategyUse<P, K>;
};

/** Options that are keys. */
type KeyNames<O> = { [N in keyof O]-?: [NonNullable<O[N]>] extends [HashKeys] ? ([HashKeys] extends [NonNullable<O[N]>] ? N : never) : never }[keyof O];

/** The same options with keys that do not read requests. */
type OffConnections<O> = { [N in keyof O as N extends KeyNames<O> ? N : never]?: ConnectionKeys };

interface Described {
  readonly definition: { readonly name: string; readonly options: Readonly<Record<string, unknown>>; readonly description?: string };
}
/** A call with options of this type. */
interface Call<O, P extends StrategyProtocol, K extends StrategyKind | 'inner'> {
  /** Options may be left out when none is required. */
  <IP extends StrategyProtocol = 'any', IK extends StrategyKind = 'load'>(...options: Partial<O> extends O ? [options?: O & Wrapping<O, IP, IK>] : [options: O & Wrapping<O, IP, IK>]): StrategyUse<
    'http' extends P | IP ? 'http' : 'any',
    K extends StrategyKind ? K : IK
  >;
}

/**
 * What `defineStrategy` gives. A strategy reads requests if its key is a part of them (`HashKeys`), a combinator if one of its inner strategies does; with
 * `kind: 'inner'` it is of their kind.
 */
export type StrategyFactory<O, P extends StrategyProtocol, K extends StrategyKind | 'inner'> =
  // Two ways to call it, only where there is a key: the compiler's word on a wrong option is a clearer one where there is one way.
  ([KeyNames<O>] extends [never] ? Call<O, P, K> : Call<O & OffConnections<O>, P, K> & Call<O, 'http', K>) & Described;

/**
 * A strategy inside another, as `host.strategy` gives it. None of its functions throws: what fails in it is told and counted as its own, and a
 * pick that is not available counts as none. What it does not define does nothing.
 */
export interface InnerStrategy<P extends StrategyProtocol = 'any'> {
  readonly name: string;
  /** The members it picks from: all, some, or with other weights. Before its first `select`, and whenever they change. */
  update(members: readonly Member[]): void;
  /** `pool` may be narrower than the one that the combinator was given (`PoolPart`). */
  select(exchange: ExchangeOf<P>, pool: PoolView): Backend | undefined;
  onStart(lease: Lease): void;
  onHead(lease: Lease, head: ResponseHead): void;
  onEnd(lease: Lease, outcome: Outcome): void;
  /** What it compares this backend by, with the weight that its last `update` gave it; the least wins. `undefined` = it says nothing of this one. */
  score(backend: Backend, exchange: ExchangeOf<P>): number | undefined;
  /** For the combinator's own snapshot; `undefined` when it keeps nothing. `adopt` takes only what a strategy of the same name and `stateVersion` gave. */
  snapshot(): unknown;
  adopt(state: unknown): void;
}

/** All that a combinator hands on but the members and the picks. */
type Callbacks = Required<Pick<StrategyInstance, 'onStart' | 'onHead' | 'onEnd' | 'score' | 'snapshot' | 'adopt'>>;

/** What is told of leases: it does not depend on what the strategy reads of an exchange. */
type Listener = Pick<InnerStrategy, 'onStart' | 'onHead' | 'onEnd'>;

/**
 * Several inner strategies: remembers which of them picked, from `select` to the end of the lease, so that the lease is told to that one.
 * @example
 * import type { StrategyUse } from '@steelyard/sdk';
 * export default defineStrategy<{ over: readonly StrategyUse[] }, 'any', 'inner'>({
 *   name: 'either',
 *   kind: 'inner',
 *   options: { over: { type: 'array', items: { type: 'strategy' }, minItems: 1 } },
 *   create({ over }, host) {
 *     const each = over.map((use) => host.strategy(use));
 *     const pickers = new Pickers(each);
 *     return {
 *       update: (members) => each.forEach((one) => one.update(members)),
 *       select: (exchange, pool) => pickers.select(each[Math.floor(host.random() * each.length)]!, exchange, pool),
 *       ...pickers.callbacks(),
 *     };
 *   },
 * });
 */
export class Pickers {
  readonly #inner: readonly InnerStrategy<StrategyProtocol>[];
  #last: Listener | undefined;
  readonly #bySlot: (Listener | undefined)[] = [];

  constructor(inner: readonly InnerStrategy<StrategyProtocol>[]) {
    this.#inner = inner;
  }

  /** Asks one of them; its pick is remembered as its own until the next call. */
  select<P extends StrategyProtocol>(inner: InnerStrategy<P>, exchange: ExchangeOf<P>, pool: PoolView): Backend | undefined {
    const backend = inner.select(exchange, pool);
    if (backend !== undefined) this.#last = inner;
    return backend;
  }

  /** A pick of the combinator's own: the lease is told to `inner`, which so learns of the load, or to nobody. */
  picked(inner: Listener | undefined): void {
    this.#last = inner;
  }

  /** To be spread into the combinator's instance. */
  callbacks(): Callbacks {
    return {
      onStart: (lease) => {
        const inner = this.#last;
        this.#bySlot[lease.slot] = inner;
        inner?.onStart(lease);
      },
      onHead: (lease, head) => this.#bySlot[lease.slot]?.onHead(lease, head),
      onEnd: (lease, outcome) => {
        const inner = this.#bySlot[lease.slot];
        this.#bySlot[lease.slot] = undefined;
        inner?.onEnd(lease, outcome);
      },
      // Of several each has a measure of its own.
      score: ({ backend }, exchange) => (this.#inner.length === 1 ? this.#inner[0]!.score(backend, exchange) : undefined),
      snapshot: () => {
        const states = this.#inner.map((each) => each.snapshot());
        return states.some((state) => state !== undefined) ? states : undefined;
      },
      adopt: (states) => (states as readonly unknown[]).forEach((state, i) => this.#inner[i]?.adopt(state)),
    };
  }
}

/**
 * The callbacks of a combinator that has one inner strategy and nothing to remember of its own: to be spread into its instance.
 * @example
 * import type { StrategyUse } from '@steelyard/sdk';
 * export default defineStrategy<{ over: StrategyUse }, 'any', 'inner'>({
 *   name: 'as-it-is',
 *   kind: 'inner',
 *   options: { over: { type: 'strategy' } },
 *   create({ over }, host) {
 *     const inner = host.strategy(over);
 *     return { update: (members) => inner.update(members), select: (exchange, pool) => inner.select(exchange, pool), ...passOn(inner) };
 *   },
 * });
 */
export function passOn(inner: InnerStrategy<StrategyProtocol>): Callbacks {
  return {
    onStart: (lease) => inner.onStart(lease),
    onHead: (lease, head) => inner.onHead(lease, head),
    onEnd: (lease, outcome) => inner.onEnd(lease, outcome),
    score: ({ backend }, exchange) => inner.score(backend, exchange),
    snapshot: () => inner.snapshot(),
    adopt: (state) => inner.adopt(state),
  };
}

/**
 * A part of a pool, for an inner strategy that is to pick from some of its backends only. One object serves all picks.
 * @example
 * const near = new PoolPart();
 * // in update:  near.setBackends(members.filter(({ backend }) => backend.zone === zone).map(({ backend }) => backend));
 * // in select:  inner.select(exchange, near.of(pool))
 */
export class PoolPart implements PoolView {
  name = '';
  backends: readonly Backend[] = [];
  #set: ReadonlySet<Backend> = new Set();
  #pool: PoolView | undefined;

  setBackends(backends: readonly Backend[]): void {
    this.backends = backends;
    this.#set = new Set(backends);
  }

  /** This part, of the pool as it stands for this pick. */
  of(pool: PoolView): this {
    this.#pool = pool;
    this.name = pool.name;
    return this;
  }

  isAvailable(backend: Backend): boolean {
    return this.#set.has(backend) && this.#pool!.isAvailable(backend);
  }
  inFlightAt(row: number): number {
    return this.#pool!.inFlightAt(row);
  }
  nobody(): undefined {
    return this.#pool!.nobody();
  }
}

/** The strategies among options, in lists too. Options were not validated yet. */
export function strategiesIn(options: object): StrategyUse[] {
  return Object.values(options).flat().filter((value: unknown): value is StrategyUse => isStrategyUse(value));
}

function isStrategyUse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'strategyKind' in value && 'kind' in value && value.kind === 'strategy';
}

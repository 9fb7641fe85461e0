/** The factories: each takes a definition and gives a function that a config calls. A call has no side effect. */
import { strategiesIn, type StrategyFactory } from './combine.ts';
import type { Host } from './host.ts';
import { readsRequest } from './key.ts';
import type { MetricsSnapshot } from './metrics.ts';
import type { Backend, Exchange, HttpExchange, Lease, Member, Outcome, PoolView, Protocol, ResponseHead } from './model.ts';
import type { AnyOptionsSchema, OptionsSchema, Resolved } from './options.ts';

/** Marks what a factory call returned. A string, because two copies of the SDK may meet in one process. */
export const BRAND = 'steelyard.use/1';

/** Something that a promise may or may not stand before. */
export type Awaitable<T> = T | Promise<T>;

/** `open`: as if it had no opinion. `closed`: refuse (connection closed, or 503). */
export type OnFailure = 'open' | 'closed';

interface DefinitionBase<O> {
  /** Lower case with dashes: folder, import, log field and metric label are the same. */
  name: string;
  /** One sentence for `steelyard plugins`. */
  description?: string;
  options: OptionsSchema<O>;
}

/** How a strategy chooses: by `load` (or its like), by a `hash` of a key, or by a fixed `order`. Some combinators admit some kinds only. */
export type StrategyKind = 'load' | 'hash' | 'order';

export type ExchangeOf<P extends StrategyProtocol> = P extends 'http' ? HttpExchange : Exchange;
/** `any` works for HTTP and TCP; `http` reads the request. */
export type StrategyProtocol = 'any' | 'http';

/**
 * One strategy at work in one pool, in one worker. Calls never overlap. `select` is on the data path: no allocation, no wait.
 * The callbacks are properties, so that the compiler compares their parameters strictly.
 */
export interface StrategyInstance<P extends StrategyProtocol = 'any'> {
  /** The members, whenever one came, went, or changed weight; once before the first `select`. Build tables here. */
  update: (members: readonly Member[]) => void;
  /** An available backend (`pool.isAvailable`), or `undefined` = no pick: core takes the next that is available, and answers 503 where there is none (`pool.nobody()`: it takes none). The list is that of the last `update`. */
  select: (exchange: ExchangeOf<P>, pool: PoolView) => Backend | undefined;
  /** A lease was opened on this strategy's pick. */
  onStart?: (lease: Lease) => void;
  /** The response head of this strategy's pick came; before `onResponseHead`. May edit it. */
  onHead?: (lease: Lease, head: ResponseHead) => void;
  /** Exactly once for every lease that `onStart` saw. */
  onEnd?: (lease: Lease, outcome: Outcome) => void;
  /**
   * What `select` compares members by, now and for this exchange; the least wins. `undefined` = it has nothing to say of this one. For those who ask why
   * (`trace`): it changes no pick, and is not asked at most of them.
   */
  score?: (member: Member, exchange: ExchangeOf<P>) => number | undefined;
  /** State that is not per backend (a cursor), for the next generation; taken and adopted back to back at the switch. */
  snapshot?: () => unknown;
  /** Called with what `snapshot` of the previous generation gave, if name and `stateVersion` match. */
  adopt?: (state: unknown) => void;
}

export interface StrategyDefinition<O, P extends StrategyProtocol, K extends StrategyKind | 'inner'> extends DefinitionBase<O> {
  /** Default `any`. A combinator of protocol `any` becomes `http` by an inner strategy that is. */
  protocol?: P;
  /** Default `load`. `inner`: of the kind of the strategies in its options, a hash if one of them is. */
  kind?: K;
  /** Change it when the shape of the snapshot changes. Default 1. */
  stateVersion?: number;
  create(options: Resolved<O>, host: Host): StrategyInstance<P>;
}

/** A health check asks (`probe`), or watches real traffic (`observe`). */
export interface HealthCheckInstance {
  /** Active: runs on the schedule of the options below, in the main thread. Rejecting is failing; the message is the reason. */
  probe?: (backend: Backend, signal: AbortSignal) => Promise<void>;
  /** Passive: `false` = a failure, `true` = a success, `undefined` = says nothing. Once per lease, in every worker. No wait. */
  observe?: (backend: Backend, outcome: Outcome) => boolean | undefined;
  /** When an active check runs and when it flips. Required with `probe`. */
  schedule?: CheckSchedule;
  /** When a passive check flips. Required with `observe`. */
  ejection?: Ejection;
}
export interface CheckSchedule {
  /** Between the starts of two checks of a backend. Milliseconds. */
  intervalMs: number;
  /** Share of the interval by which each check is moved at random, 0 to 1. */
  jitter: number;
  timeoutMs: number;
  /** Good checks in a row before a marked backend gets traffic again. */
  rise: number;
  /** Failed checks in a row before a backend is marked. The first result of an unknown backend decides alone. */
  fall: number;
}
export interface Ejection {
  /** Failures in a row before a backend is marked. */
  failures: number;
  /** Length of the first mark; doubled by each mark that follows soon. Milliseconds. */
  ejectMs: number;
  /** Limit of the doubling. */
  maxEjectMs: number;
}
export interface HealthCheckDefinition<O> extends DefinitionBase<O> {
  /** Default: both. */
  protocol?: Protocol;
  create(options: Resolved<O>, host: Host): HealthCheckInstance;
}

export interface ExporterDefinition<O> extends DefinitionBase<O> {
  /** Serve the snapshot (`host.serve`) or push it (`host.every`). Main thread only. */
  start(options: Resolved<O>, host: Host, snapshot: () => Promise<MetricsSnapshot>): Awaitable<void>;
}

/** A backend as a config or a discovery names it. */
export interface BackendSpec {
  /** `http://host:port`, in a tcp pool `tcp://host:port`. The port may be left out where the scheme has one (http: 80). */
  url: string;
  /** Default `pool/scheme://host:port`. */
  id?: string;
  /** 0 to 65,535; 0 = no new traffic but what falls back. Default 1. */
  weight?: number;
  /** Most requests (tcp: connections) at once. Default: no limit. */
  maxInFlight?: number;
  labels?: Readonly<Record<string, string>>;
  zone?: string;
  /** 0 = first choice; for strategies that know priorities. Default 0. */
  priority?: number;
  /** Gets nothing new, finishes what it has. Default false. */
  drain?: boolean;
}

export interface DiscoveryDefinition<O> extends DefinitionBase<O> {
  /**
   * Calls `update` with the full list at first and whenever it changes, until `signal` aborts. Runs in the main thread.
   * The first list must come within 10 s, or the (re)load fails. Rejecting later is logged; the last list stays.
   */
  watch(update: (backends: readonly (string | BackendSpec)[]) => void, signal: AbortSignal, options: Resolved<O>, host: Host): Awaitable<void>;
}

export interface PluginDefinition<O> extends DefinitionBase<O> {
  /** `workers`: where the traffic is (default). `main`: once. */
  runs?: 'workers' | 'main';
  /** Its answer to its own failure in `onConnect` and `onRequest`. Default `closed`. */
  onFailure?: OnFailure;
  setup(options: Resolved<O>, host: Host): Awaitable<void>;
}

interface UseBase {
  readonly brand: typeof BRAND;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}
/** What a factory call gives: a definition and the options as written. Nothing was validated or started yet. */
export interface StrategyUse<P extends StrategyProtocol = StrategyProtocol, K extends StrategyKind = StrategyKind> extends UseBase {
  readonly kind: 'strategy';
  readonly protocol: P;
  readonly strategyKind: K;
  readonly definition: ErasedDefinition<StrategyDefinition<never, never, never>>;
}
export interface HealthCheckUse extends UseBase {
  readonly kind: 'health';
  readonly definition: ErasedDefinition<HealthCheckDefinition<never>>;
}
export interface ExporterUse extends UseBase {
  readonly kind: 'exporter';
  readonly definition: ErasedDefinition<ExporterDefinition<never>>;
}
export interface DiscoveryUse extends UseBase {
  readonly kind: 'discovery';
  readonly definition: ErasedDefinition<DiscoveryDefinition<never>>;
}
export interface GeneralUse extends UseBase {
  readonly kind: 'plugin';
  readonly definition: ErasedDefinition<PluginDefinition<never>>;
}
export type AnyStrategyUse = StrategyUse;
export type AnyUse = StrategyUse | HealthCheckUse | ExporterUse | DiscoveryUse | GeneralUse;

/** A definition whose option types were forgotten; the schema, checked at load, stands for them. */
export type ErasedDefinition<D> = Omit<D, 'options'> & { readonly options: AnyOptionsSchema };

type Factory<O, U> = {
  /** Options may be left out when none is required. */
  (...options: Partial<O> extends O ? [options?: O] : [options: O]): U;
  readonly definition: { readonly name: string; readonly options: AnyOptionsSchema; readonly description?: string };
};

/**
 * Defines a balancing strategy.
 * @example
 * export default defineStrategy<{}>({
 *   name: 'always-first',
 *   options: {},
 *   create: () => ({ update() {}, select: (_exchange, pool) => pool.backends.find((b) => pool.isAvailable(b)) }),
 * });
 */
export function defineStrategy<O, P extends StrategyProtocol = 'any', K extends StrategyKind | 'inner' = 'load'>(
  definition: StrategyDefinition<O, P, K>,
): StrategyFactory<O, P, K> {
  return factory<O, StrategyUse>('strategy', definition, (options) => traitsOf(definition, options)) as unknown as StrategyFactory<O, P, K>;
}

/** What a strategy is, with what is inside it. */
function traitsOf({ protocol = 'any', kind = 'load', options: schemas }: StrategyTraits, options: object): Pick<StrategyUse, 'protocol' | 'strategyKind'> {
  const inner = strategiesIn(options);
  const isHttp = inner.some((use) => use.protocol === 'http') || hasRequestKey(schemas, options);
  return { protocol: isHttp ? 'http' : protocol, strategyKind: kind === 'inner' ? kindOf(inner) : kind };
}
/** Neither schemas nor options were validated yet. */
function hasRequestKey(schemas: AnyOptionsSchema, options: object): boolean {
  return Object.entries(schemas ?? {}).some(([name, schema]) => {
    const given: unknown = Object.hasOwn(options, name) ? options[name as keyof object] : undefined;
    return schema?.isKey === true && readsRequest(given ?? schema.default ?? 'address');
  });
}
interface StrategyTraits {
  readonly protocol?: StrategyProtocol;
  readonly kind?: StrategyKind | 'inner';
  readonly options: AnyOptionsSchema;
}

function kindOf(inner: readonly StrategyUse[]): StrategyKind {
  const kinds = inner.map((use) => use.strategyKind);
  return kinds.includes('hash') ? 'hash' : (kinds[0] ?? 'load');
}

/**
 * Defines an active check (`probe`) or a passive detector (`observe`).
 * @example
 * export default defineHealthCheck<{}>({
 *   name: 'not-500',
 *   options: {},
 *   create: () => ({
 *     observe: (_backend, outcome) => (outcome.kind === 'answered' ? outcome.status < 500 : undefined),
 *     ejection: { failures: 5, ejectMs: 10_000, maxEjectMs: 300_000 },
 *   }),
 * });
 */
export function defineHealthCheck<O>(definition: HealthCheckDefinition<O>): Factory<O, HealthCheckUse> {
  return factory('health', definition);
}

/**
 * Defines an exporter of metrics.
 * @example
 * export default defineExporter<{}>({
 *   name: 'log-metrics',
 *   options: {},
 *   start: (_options, host, snapshot) => {
 *     host.every(60_000, async () => host.log.info({ families: (await snapshot()).families.length }, 'metrics'));
 *   },
 * });
 */
export function defineExporter<O>(definition: ExporterDefinition<O>): Factory<O, ExporterUse> {
  return factory('exporter', definition);
}

/**
 * Defines a source of backends.
 * @example
 * export default defineDiscovery<{ port: number }>({
 *   name: 'localhost',
 *   options: { port: { type: 'integer', minimum: 1, maximum: 65_535 } },
 *   watch: (update, _signal, { port }) => update([`http://127.0.0.1:${port}`]),
 * });
 */
export function defineDiscovery<O>(definition: DiscoveryDefinition<O>): Factory<O, DiscoveryUse> {
  return factory('discovery', definition);
}

/**
 * Defines a plugin that taps any hook.
 * @example
 * export default definePlugin<{}>({
 *   name: 'stamp',
 *   options: {},
 *   setup: (_options, host) => host.hooks.onResponseHead.tap((_exchange, head) => head.setHeader('x-served-by', 'steelyard')),
 * });
 */
export function definePlugin<O>(definition: PluginDefinition<O>): Factory<O, GeneralUse> {
  return factory('plugin', definition);
}

/** The one cast of the SDK: from here on the schema, not the compiler, vouches for the options. */
function factory<O, U extends AnyUse>(kind: U['kind'], definition: { name: string }, more: (options: object) => object = () => ({})): Factory<O, U> {
  const use = (options: object = {}) => Object.freeze({ brand: BRAND, kind, name: definition.name, definition, options, ...more(options) });
  return Object.assign(use, { definition }) as unknown as Factory<O, U>;
}

/** The same use with other options, for the core's loader: with defaults, or with strategies where a config has names. */
export function withOptions<U extends AnyUse>(use: U, options: Readonly<Record<string, unknown>>): U {
  const traits = use.kind === 'strategy' ? traitsOf(use.definition, options) : {};
  return Object.freeze({ ...use, options, ...traits } as U);
}

/** Whether a value came from one of the factories, of this copy of the SDK or another. */
export function isUse(value: unknown): value is AnyUse {
  return typeof value === 'object' && value !== null && 'brand' in value && value.brand === BRAND;
}

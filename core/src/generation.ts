/**
 * One config brought to life where its traffic is: pools, strategies, plugins, hooks and ways, built completely before anything is switched
 * to it. It counts the exchanges that run under it, and ends when it was superseded and the last one is over.
 */
import type { HealthChange } from '@steelyard/sdk';
import type { Scoreboard } from './board/scoreboard.ts';
import type { ResolvedConfig, ResolvedListener, ResolvedPool } from './config/resolved.ts';
import { runsInMain } from './control/control-generation.ts';
import type { GenerationOrder, MemberOrder, PoolOrder } from './control/order.ts';
import { TapRegistry, type HookSet } from './hooks.ts';
import type { ObservedPool, PassiveCheck } from './health/observer.ts';
import { healthHooks, LaneBook, type Lane } from './lane.ts';
import { PluginSet, type HostServices } from './plugins.ts';
import type { AddressSet } from './request/address.ts';
import type { RouteMatchResult, RouteTable } from './request/route.ts';
import { Pool } from './upstream/pool.ts';
import type { BackendState } from './upstream/backend.ts';
import type { BackendRegistry } from './upstream/registry.ts';
import type { LimitCounters, TrafficMetrics } from './metrics/traffic.ts';

/** How a generation sees one listener. */
export interface ListenerPlan {
  readonly generation: Generation;
  readonly config: ResolvedListener;
  /** For `onConnect`. */
  readonly hooks: HookSet;
  readonly routes: RouteTable;
  readonly trustedProxies: AddressSet;
  /** Where its limits are counted. */
  readonly limits: LimitCounters;
  /** For requests that match no route, and for tcp connections. */
  readonly unrouted: Lane;
  laneOf(match: RouteMatchResult): Lane;
}

/** What outlives generations in the thread where the traffic is. */
export interface TrafficServices extends HostServices {
  readonly board: Scoreboard;
  readonly backends: BackendRegistry;
  readonly traffic: TrafficMetrics;
  /** How many threads share the traffic: what cannot be counted together is split among them. */
  readonly shares: number;
}

/** One pool with what belongs to it in this generation. */
interface LivePool {
  readonly pool: Pool;
  readonly order: PoolOrder;
  readonly observers: readonly PassiveCheck[];
  /** Applied at the switch; a later list replaces it. */
  members: readonly MemberOrder[];
  claimed: Map<string, BackendState>;
}

export class Generation {
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly plans = new Map<string, ListenerPlan>();
  readonly #services: TrafficServices;
  readonly #pools = new Map<string, LivePool>();
  readonly #healthHooks = new Map<string, HookSet>();
  readonly #registry = new TapRegistry('workers');
  readonly #plugins: PluginSet;
  #isLive = false;
  #open = 0;

  private constructor(number: number, config: ResolvedConfig, services: TrafficServices) {
    this.number = number;
    this.config = config;
    this.#services = services;
    this.#plugins = new PluginSet(services, config.setupLimitMs, this.#registry);
  }

  /**
   * Builds a generation beside the one that works; nothing of that one is touched. When it fails, what was built is torn down again.
   * @throws SteelyardError of whatever failed.
   */
  static async build(config: ResolvedConfig, order: GenerationOrder, services: TrafficServices): Promise<Generation> {
    const generation = new Generation(order.number, config, services);
    try {
      await generation.#build(order);
      return generation;
    } catch (error) {
      await generation.end();
      throw error;
    }
  }

  async #build(order: GenerationOrder): Promise<void> {
    const { config } = this;
    for (const pool of config.pools) this.#buildPool(pool, order.pools.get(pool.name)!);
    for (const plugin of config.plugins) if (!runsInMain(plugin)) await this.#plugins.setUp(plugin, { kind: 'config' });
    for (const listener of config.listeners) {
      for (const plugin of listener.plugins) if (!runsInMain(plugin)) await this.#plugins.setUp(plugin, { kind: 'listener', name: listener.name });
    }
    for (const route of config.routes) {
      for (const plugin of route.plugins) if (!runsInMain(plugin)) await this.#plugins.setUp(plugin, { kind: 'route', name: route.name });
    }
    for (const pool of config.pools) {
      for (const plugin of pool.plugins) if (!runsInMain(plugin)) await this.#plugins.setUp(plugin, { kind: 'pool', name: pool.name });
    }
    this.#registry.close();
    const book = new LaneBook(this.#registry, this.#services.traffic, (name) => this.#pools.get(name)?.pool);
    for (const listener of config.listeners) this.plans.set(listener.name, book.plan(this, listener, config.routes));
    for (const pool of config.pools) this.#healthHooks.set(pool.name, healthHooks(this.#registry, config, pool.name));
  }

  #buildPool(config: ResolvedPool, order: PoolOrder): void {
    const pool = new Pool(config, this.#services.board, order.hasActive, this.#services.shares);
    const observers = order.passive.map(({ source, place, failures }): PassiveCheck => {
      const { instance } = this.#plugins.createHealthCheck(config.health[place]!, config.name);
      return { source, failures, observe: instance.observe ?? (() => undefined) };
    });
    this.#pools.set(config.name, { pool, order, observers, members: order.members, claimed: this.#claim(config.name, order.members, new Map()) });
    if (!config.strategy) return;
    const { plugin, instance } = this.#plugins.createStrategy(config.strategy, config.name);
    pool.useStrategy(instance, plugin);
  }

  #claim(pool: string, members: readonly MemberOrder[], before: ReadonlyMap<string, BackendState>): Map<string, BackendState> {
    const claimed = new Map<string, BackendState>();
    for (const { spec, row } of members) {
      const known = before.get(spec.id);
      claimed.set(spec.id, known?.row === row ? known : this.#services.backends.claim(pool, spec, row));
    }
    return claimed;
  }

  /** A pool's members from now on, or, before the switch, from there on: who stays keeps everything. */
  setMembers(name: string, members: readonly MemberOrder[]): void {
    const live = this.#pools.get(name)!;
    const claimed = this.#claim(name, members, live.claimed);
    const left = [...live.claimed.values()].filter((backend) => claimed.get(backend.id) !== backend);
    live.members = members;
    live.claimed = claimed;
    if (this.#isLive) applyMembers(live);
    for (const backend of left) this.#services.backends.release(backend);
  }

  /** The switch: from here on this generation is the one that serves. Synchronous, so nothing falls between two generations. */
  takeOver(previous: Generation | undefined): void {
    this.#isLive = true;
    for (const live of this.#pools.values()) {
      applyMembers(live);
      const before = previous === undefined ? undefined : previous.#pools.get(live.pool.name)?.pool;
      if (before) live.pool.adoptFrom(before);
    }
    this.#plugins.commit();
  }

  /** The backend that main speaks of, if it is one of this generation's. */
  backend(pool: string, id: string): BackendState | undefined {
    return this.#pools.get(pool)?.claimed.get(id);
  }

  /** Whether it is about a backend of this generation; then its plugins were told. */
  healthChanged(change: HealthChange): boolean {
    if (this.backend(change.backend.pool, change.backend.id) !== change.backend) return false;
    this.#pools.get(change.backend.pool)!.pool.healthChanged();
    this.#healthHooks.get(change.backend.pool)?.onHealthChange?.call(change);
    return true;
  }

  get pluginNames(): string[] {
    return this.#plugins.names;
  }

  /** What real traffic says of the backends is asked here where the checks' marks are kept in another thread. */
  observed(): ObservedPool[] {
    return [...this.#pools.values()].map(({ order, observers, members, claimed }) => ({
      hasActive: order.hasActive,
      checks: observers,
      members: members.map(({ spec, bits }) => ({ backend: claimed.get(spec.id)!, bits })),
    }));
  }

  /** An exchange begins under this generation. */
  enter(): void {
    this.#open++;
  }
  leave(): void {
    this.#open--;
  }
  get open(): number {
    return this.#open;
  }

  /** Ends its plugins and gives up its backends. */
  async end(): Promise<void> {
    this.#isLive = false;
    await this.#plugins.tearDown();
    for (const live of this.#pools.values()) {
      for (const backend of live.claimed.values()) this.#services.backends.release(backend);
      live.claimed.clear();
    }
  }
}

function applyMembers({ pool, members, claimed }: LivePool): void {
  for (const { spec } of members) claimed.get(spec.id)!.configure(spec);
  pool.setMembers(members.map(({ spec }) => claimed.get(spec.id)!));
}

/**
 * One config brought to life: pools, strategies, plugins, hooks and ways, built completely before anything is switched to it.
 * It counts the exchanges that run under it, and ends when it was superseded and the last one is over.
 */
import type { BackendSpec, HealthChange } from '@steelyard/sdk';
import { isUse, SteelyardError } from '@steelyard/sdk';
import type { ResolvedBackend, ResolvedConfig, ResolvedListener, ResolvedPool } from './config/resolved.ts';
import { resolveBackends } from './config/resolve.ts';
import { TapRegistry, type HookSet } from './hooks.ts';
import type { MonitoredPool } from './health/monitor.ts';
import { LaneBook, type Lane } from './lane.ts';
import { PluginSet, type HostServices } from './plugins.ts';
import type { AddressSet } from './request/address.ts';
import type { RouteMatchResult, RouteTable } from './request/route.ts';
import { poolChecks } from './health/checks.ts';
import { Pool } from './upstream/pool.ts';
import type { BackendState } from './upstream/backend.ts';
import type { BackendRegistry } from './upstream/registry.ts';
import type { TrafficMetrics } from './metrics/traffic.ts';
import type { Scoreboard } from './workers/scoreboard.ts';

/** How a generation sees one listener. */
export interface ListenerPlan {
  readonly generation: Generation;
  readonly config: ResolvedListener;
  /** For `onConnect`. */
  readonly hooks: HookSet;
  readonly routes: RouteTable;
  readonly trustedProxies: AddressSet;
  /** For requests that match no route, and for tcp connections. */
  readonly unrouted: Lane;
  laneOf(match: RouteMatchResult): Lane;
}

/** What outlives generations and every one of them uses. */
export interface GenerationServices extends HostServices {
  readonly board: Scoreboard;
  readonly backends: BackendRegistry;
  readonly traffic: TrafficMetrics;
}

/** One pool with what belongs to it in this generation. */
interface LivePool {
  readonly pool: Pool;
  readonly checks: Pick<MonitoredPool, 'active' | 'passive'>;
  /** Settings of the members, applied at the switch; a later list of a discovery replaces it. */
  specs: readonly ResolvedBackend[];
  claimed: Map<string, BackendState>;
}

export class Generation {
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly plans = new Map<string, ListenerPlan>();
  readonly #services: GenerationServices;
  readonly #pools = new Map<string, LivePool>();
  readonly #healthHooks = new Map<string, HookSet>();
  readonly #registry = new TapRegistry();
  readonly #plugins: PluginSet;
  readonly #onMembership: () => void;
  #isLive = false;
  #isSuperseded = false;
  #open = 0;

  private constructor(number: number, config: ResolvedConfig, services: GenerationServices, onMembership: () => void) {
    this.number = number;
    this.config = config;
    this.#services = services;
    this.#onMembership = onMembership;
    this.#plugins = new PluginSet(services, config.setupLimitMs, this.#registry);
  }

  /**
   * Builds a generation beside the one that works; nothing of that one is touched. When it fails, what was built is torn down again.
   * @throws SteelyardError of whatever failed.
   */
  static async build(number: number, config: ResolvedConfig, services: GenerationServices, onMembership: () => void): Promise<Generation> {
    const generation = new Generation(number, config, services, onMembership);
    try {
      await generation.#build();
      return generation;
    } catch (error) {
      await generation.end();
      throw error;
    }
  }

  async #build(): Promise<void> {
    const { config } = this;
    for (const pool of config.pools) await this.#buildPool(pool);
    await this.#services.backends.resolved();
    for (const plugin of config.plugins) await this.#plugins.setUp(plugin, { kind: 'config' });
    for (const listener of config.listeners) {
      for (const plugin of listener.plugins) await this.#plugins.setUp(plugin, { kind: 'listener', name: listener.name });
    }
    for (const route of config.routes) {
      for (const plugin of route.plugins) await this.#plugins.setUp(plugin, { kind: 'route', name: route.name });
    }
    for (const pool of config.pools) {
      for (const plugin of pool.plugins) await this.#plugins.setUp(plugin, { kind: 'pool', name: pool.name });
    }
    this.#registry.close();
    const book = new LaneBook(this.#registry, this.#services.traffic, (name) => this.#pools.get(name)?.pool);
    for (const listener of config.listeners) this.plans.set(listener.name, book.plan(this, listener, config.routes));
    for (const pool of config.pools) this.#healthHooks.set(pool.name, book.health(config, pool.name));
  }

  async #buildPool(config: ResolvedPool): Promise<void> {
    const checks = poolChecks(config, (use) => this.#plugins.createHealthCheck(use, config.name).instance);
    const pool = new Pool(config, this.#services.board, checks.active.length > 0);
    const live: LivePool = { pool, checks, specs: [], claimed: new Map() };
    this.#pools.set(config.name, live);
    if (config.strategy) {
      const { plugin, instance } = this.#plugins.createStrategy(config.strategy, config.name);
      pool.useStrategy(instance, plugin);
    }
    if (isUse(config.backends)) {
      await this.#plugins.startDiscovery(config.backends, config.name, (list) => this.#discovered(live, list));
    } else {
      this.#claim(live, config.backends);
    }
  }

  /** A discovery's full list, the first or a later one. Throws over faults: the last good list stays, or the build fails. */
  #discovered(live: LivePool, list: readonly (string | BackendSpec)[]): void {
    // The newer generation has settings of its own for the same backends.
    if (this.#isSuperseded) return;
    const { config } = live.pool;
    const { backends, faults } = resolveBackends(config, list, `pools.${config.name}.backends`);
    if (faults.length > 0) {
      const list = faults.map(({ path, problem }) => `${path} ${problem}`).join('; ');
      throw new SteelyardError('ERR_DISCOVERY', { message: `a list with faults for pool ${config.name} (${list})`, hint: 'a good list that came before it stays in use', source: 'plugin' });
    }
    this.#claim(live, backends);
  }

  /** Makes the claims equal to the list: who stays keeps everything. */
  #claim(live: LivePool, specs: readonly ResolvedBackend[]): void {
    const claimed = new Map<string, BackendState>();
    for (const spec of specs) {
      const known = live.claimed.get(spec.id);
      claimed.set(spec.id, known?.url === spec.url ? known : this.#services.backends.claim(live.pool.name, spec));
    }
    const left = [...live.claimed.values()].filter((backend) => claimed.get(backend.id) !== backend);
    live.specs = specs;
    live.claimed = claimed;
    if (this.#isLive) this.#applyMembers(live);
    // Before the release: what left must not be watched when its row becomes another's.
    this.#onMembership();
    for (const backend of left) this.#services.backends.release(backend);
  }

  #applyMembers(live: LivePool): void {
    for (const spec of live.specs) live.claimed.get(spec.id)!.configure(spec);
    live.pool.setMembers(live.specs.map((spec) => live.claimed.get(spec.id)!));
  }

  /** The switch: from here on this generation is the one that serves. Synchronous, so nothing falls between two generations. */
  takeOver(previous: Generation | undefined): void {
    this.#isLive = true;
    if (previous) previous.#isSuperseded = true;
    for (const live of this.#pools.values()) {
      this.#applyMembers(live);
      const before = previous === undefined ? undefined : previous.#pools.get(live.pool.name)?.pool;
      if (before) live.pool.adoptFrom(before);
    }
    this.#plugins.commit();
  }

  /** Whether it is about a backend of this generation; then its plugins were told. */
  healthChanged(change: HealthChange): boolean {
    if (this.#pools.get(change.backend.pool)?.claimed.get(change.backend.id) !== change.backend) return false;
    this.#healthHooks.get(change.backend.pool)?.onHealthChange?.call(change);
    return true;
  }
  get pluginNames(): string[] {
    return this.#plugins.names;
  }
  get pools(): readonly Pool[] {
    return [...this.#pools.values()].map((live) => live.pool);
  }

  /** What the health monitor has to watch for this generation. Before the switch the members are those that it will have. */
  monitored(): MonitoredPool[] {
    return [...this.#pools.values()].map((live) => ({ name: live.pool.name, members: [...live.claimed.values()], ...live.checks }));
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

/**
 * One config as the control plane has it: who the members of each pool are, what checks them, and the plugins that exist once.
 * It is built before the data planes build theirs, and ends after the last of them has ended.
 */
import type { BackendSpec, HealthChange } from '@steelyard/sdk';
import { isUse, SteelyardError } from '@steelyard/sdk';
import { resolveBackends } from '../config/resolve.ts';
import type { ResolvedBackend, ResolvedConfig, ResolvedPool, RunnablePlugin } from '../config/resolved.ts';
import { poolChecks } from '../health/checks.ts';
import type { ActiveCheck, EjectingCheck, MonitoredPool } from '../health/monitor.ts';
import type { ObservedPool, PassiveCheck } from '../health/observer.ts';
import { TapRegistry, type HookSet } from '../hooks.ts';
import { healthHooks } from '../lane.ts';
import { PluginSet, type HostServices } from '../plugins.ts';
import type { BackendState } from '../upstream/backend.ts';
import { isPanicking } from '../upstream/panic.ts';
import type { BackendRegistry } from '../upstream/registry.ts';
import type { MemberOrder, PoolOrder } from './order.ts';

export interface ControlServices extends HostServices {
  readonly backends: BackendRegistry;
}

/** One pool with what belongs to it in this generation. */
interface ControlledPool {
  readonly config: ResolvedPool;
  readonly checks: { readonly active: readonly ActiveCheck[]; readonly passive: readonly (EjectingCheck & PassiveCheck)[] };
  /** Where the detectors of real traffic stand in `config.health`, by source. */
  readonly places: ReadonlyMap<string, number>;
  /** Settings of the members, applied at the switch; a later list of a discovery replaces it. */
  specs: readonly ResolvedBackend[];
  claimed: Map<string, BackendState>;
  isPanicking: boolean;
}

/** Whether a plugin is set up once, in the main thread. */
export function runsInMain(use: RunnablePlugin): boolean {
  return use.kind === 'exporter' || use.definition.runs === 'main';
}

export class ControlGeneration {
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly #services: ControlServices;
  readonly #pools = new Map<string, ControlledPool>();
  readonly #healthHooks = new Map<string, HookSet>();
  readonly #registry = new TapRegistry('main');
  readonly #plugins: PluginSet;
  readonly #onMembership: (generation: ControlGeneration, pool: string) => void;
  #isLive = false;
  #isSuperseded = false;

  private constructor(number: number, config: ResolvedConfig, services: ControlServices, onMembership: (generation: ControlGeneration, pool: string) => void) {
    this.number = number;
    this.config = config;
    this.#services = services;
    this.#onMembership = onMembership;
    this.#plugins = new PluginSet(services, config.setupLimitMs, this.#registry);
  }

  /**
   * Builds beside what works; nothing of that is touched. When it fails, what was built is torn down again.
   * @param onMembership a discovery changed the members of a pool. Backends that left are released when it returns.
   * @throws SteelyardError of whatever failed.
   */
  static async build(number: number, config: ResolvedConfig, services: ControlServices, onMembership: (generation: ControlGeneration, pool: string) => void): Promise<ControlGeneration> {
    const generation = new ControlGeneration(number, config, services, onMembership);
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
    for (const plugin of config.plugins.filter(runsInMain)) await this.#plugins.setUp(plugin, { kind: 'config' });
    for (const listener of config.listeners) {
      for (const plugin of listener.plugins.filter(runsInMain)) await this.#plugins.setUp(plugin, { kind: 'listener', name: listener.name });
    }
    for (const route of config.routes) {
      for (const plugin of route.plugins.filter(runsInMain)) await this.#plugins.setUp(plugin, { kind: 'route', name: route.name });
    }
    for (const pool of config.pools) {
      for (const plugin of pool.plugins.filter(runsInMain)) await this.#plugins.setUp(plugin, { kind: 'pool', name: pool.name });
    }
    this.#registry.close();
    for (const pool of config.pools) this.#healthHooks.set(pool.name, healthHooks(this.#registry, config, pool.name));
  }

  async #buildPool(config: ResolvedPool): Promise<void> {
    const { active, passive, places } = poolChecks(config, (use) => this.#plugins.createHealthCheck(use, config.name).instance);
    const pool: ControlledPool = { config, checks: { active, passive }, places, specs: [], claimed: new Map(), isPanicking: false };
    this.#pools.set(config.name, pool);
    if (isUse(config.backends)) await this.#plugins.startDiscovery(config.backends, config.name, (list) => this.#discovered(pool, list));
    else this.#claim(pool, config.backends);
  }

  /** A discovery's full list, the first or a later one. Throws over faults: the last good list stays, or the build fails. */
  #discovered(pool: ControlledPool, list: readonly (string | BackendSpec)[]): void {
    // The newer generation has settings of its own for the same backends.
    if (this.#isSuperseded) return;
    const { config } = pool;
    const { backends, faults } = resolveBackends(config, list, `pools.${config.name}.backends`);
    if (faults.length > 0) {
      const told = faults.map(({ path, problem }) => `${path} ${problem}`).join('; ');
      throw new SteelyardError('ERR_DISCOVERY', { message: `a list with faults for pool ${config.name} (${told})`, hint: 'a good list that came before it stays in use', source: 'plugin' });
    }
    this.#claim(pool, backends);
  }

  /** Makes the claims equal to the list: who stays keeps everything. */
  #claim(pool: ControlledPool, specs: readonly ResolvedBackend[]): void {
    const claimed = new Map<string, BackendState>();
    for (const spec of specs) {
      const known = pool.claimed.get(spec.id);
      claimed.set(spec.id, known?.url === spec.url ? known : this.#services.backends.claim(pool.config.name, spec));
    }
    const left = [...pool.claimed.values()].filter((backend) => claimed.get(backend.id) !== backend);
    pool.specs = specs;
    pool.claimed = claimed;
    if (this.#isLive) this.#configure(pool);
    // Before the release: what left must not be watched when its row becomes another's.
    this.#onMembership(this, pool.config.name);
    for (const backend of left) this.#services.backends.release(backend);
  }

  /** What the data planes need to build the same generation. */
  order(): Map<string, PoolOrder> {
    return new Map([...this.#pools].map(([name, pool]) => [name, {
      hasActive: pool.checks.active.length > 0,
      passive: pool.checks.passive.map(({ source, ejection }) => ({ source, place: pool.places.get(source)!, failures: ejection.failures })),
      members: this.members(name),
    }]));
  }

  /** The members of a pool, in the order of the config or the discovery. */
  members(pool: string): MemberOrder[] {
    const { specs, claimed, checks } = this.#pools.get(pool)!;
    return specs.map((spec) => {
      const backend = claimed.get(spec.id)!;
      return { spec, row: backend.row, bits: checks.passive.map(({ source }) => backend.sourceBit(source)) };
    });
  }

  /** The switch: from here on this generation is the one that serves. */
  takeOver(previous: ControlGeneration | undefined): void {
    this.#isLive = true;
    if (previous) previous.#isSuperseded = true;
    for (const pool of this.#pools.values()) this.#configure(pool);
    this.#plugins.commit();
  }

  /** Whether it is about a backend of this generation; then its plugins were told. */
  healthChanged(change: HealthChange): boolean {
    const pool = this.#pools.get(change.backend.pool);
    if (pool?.claimed.get(change.backend.id) !== change.backend) return false;
    this.#watchPanic(pool);
    this.#healthHooks.get(change.backend.pool)?.onHealthChange?.call(change);
    return true;
  }

  #configure(pool: ControlledPool): void {
    for (const spec of pool.specs) pool.claimed.get(spec.id)!.configure(spec);
    this.#watchPanic(pool);
  }

  /** The data planes see the same for themselves (`Pool`); here it is told, once for all of them. */
  #watchPanic(pool: ControlledPool): void {
    const { config, checks } = pool;
    const members = pool.specs.map(({ id }) => pool.claimed.get(id)!);
    const is = isPanicking(members, config.panicThreshold, config.unknown === 'available' || checks.active.length === 0);
    if (is === pool.isPanicking) return;
    pool.isPanicking = is;
    const facts = { pool: config.name, up: members.filter(({ health }) => health === 'up').length, members: members.length, panicThreshold: config.panicThreshold };
    if (is) this.#services.log.warn(facts, `pool ${config.name} is in a panic: too few of its backends are healthy, so all of them get traffic`);
    else this.#services.log.info(facts, `pool ${config.name} is out of its panic: health counts again`);
  }

  /** For metrics. */
  panics(): { pool: string; isPanicking: boolean }[] {
    return [...this.#pools.values()].map(({ config, isPanicking: is }) => ({ pool: config.name, isPanicking: is }));
  }

  get pluginNames(): string[] {
    return this.#plugins.names;
  }

  get pools(): { config: ResolvedPool; backends: BackendState[] }[] {
    return [...this.#pools.values()].map(({ config, specs, claimed }) => ({ config, backends: specs.map(({ id }) => claimed.get(id)!) }));
  }

  /** What the health monitor has to watch for this generation. Before the switch the members are those that it will have. */
  monitored(): MonitoredPool[] {
    return [...this.#pools.values()].map(({ config, claimed, checks }) => ({ name: config.name, members: [...claimed.values()], ...checks }));
  }

  /** The same for real traffic, where it passes in this thread. */
  observed(): ObservedPool[] {
    return [...this.#pools.values()].map(({ config, claimed, checks }) => ({
      hasActive: checks.active.length > 0,
      checks: checks.passive,
      members: this.members(config.name).map(({ spec, bits }) => ({ backend: claimed.get(spec.id)!, bits })),
    }));
  }

  /** Another generation asked for bits of the same backends, and did not come to serve. */
  takeBackBits(): void {
    for (const { claimed, checks } of this.#pools.values()) {
      const sources = new Set([...checks.active, ...checks.passive].map(({ source }) => source));
      for (const backend of claimed.values()) backend.keepSources(sources);
    }
  }

  /** Ends its plugins and gives up its backends. */
  async end(): Promise<void> {
    this.#isLive = false;
    await this.#plugins.tearDown();
    for (const { claimed } of this.#pools.values()) {
      for (const backend of claimed.values()) this.#services.backends.release(backend);
      claimed.clear();
    }
  }
}


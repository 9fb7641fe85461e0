/**
 * All plugin instances of one generation: set up in order within a time limit, torn down in reverse. A set-up that fails half-way
 * leaves nothing behind.
 */
import type { DiscoveryUse, HealthCheckInstance, HealthCheckUse, Host, OnFailure, StrategyInstance, StrategyUse } from '@steelyard/sdk';
import { isUse, SteelyardError } from '@steelyard/sdk';
import type { RunnablePlugin } from './config/resolved.ts';
import type { Scope, TapRegistry } from './hooks.ts';
import { isThenable, nameOf } from './plugins/answer.ts';
import { type BackendList, startWatching } from './plugins/discovery.ts';
import { FailureLog } from './plugins/failures.ts';
import { swallow } from './plugins/guard.ts';
import { guardHealthCheck } from './plugins/health-check.ts';
import { createHost, type GenerationServices, type HostServices, type StrategySeat } from './plugins/host.ts';
import { innerStrategy } from './plugins/inner.ts';
import { PluginRuntime, withinLimit } from './plugins/runtime.ts';
import { guardStrategy, type GuardedStrategy, STRATEGY_ON_FAILURE } from './plugins/strategy.ts';

export type { HostServices } from './plugins/host.ts';
export type { GuardedStrategy } from './plugins/strategy.ts';
export { ServedRegistry } from './plugins/served.ts';
export { SharedRegistry } from './plugins/shared.ts';

interface AnyPluginUse {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}
interface Installed {
  readonly plugin: PluginRuntime;
  readonly host: Host;
  /** As `create`, `setup`, `start` and `watch` take them: the schema vouched for them when the config was loaded. */
  readonly options: never;
}

export class PluginSet {
  readonly #services: GenerationServices;
  readonly #setupLimitMs: number;
  readonly #registry: TapRegistry;
  readonly #failures: FailureLog;
  readonly #plugins: PluginRuntime[] = [];
  #setupSpentMs = 0;
  #tornDown: Promise<void> | undefined;

  /** @param setupLimitMs for the `setup` of all plugins together; a blocking one cannot be cut short, only found out */
  constructor(services: HostServices, setupLimitMs: number, registry: TapRegistry) {
    this.#services = { ...services, claimant: this, own: services.metrics.generation() };
    this.#setupLimitMs = setupLimitMs;
    this.#registry = registry;
    this.#failures = new FailureLog(() => services.clock.now(), services.metrics.plugins);
  }

  /**
   * Runs the `setup` of a general plugin or the `start` of an exporter, in one scope.
   * @throws SteelyardError ERR_PLUGIN_CREATE when it fails or overruns; everything that was set up has been torn down by then
   */
  async setUp(use: RunnablePlugin, scope: Scope): Promise<void> {
    const place = nameOfPlace(scope);
    const onFailure = use.kind === 'plugin' ? (use.definition.onFailure ?? 'closed') : 'open';
    const { plugin, host, options } = this.#install(use, scope, place, onFailure);
    const startedAt = this.#services.clock.now();
    try {
      const run = async (): Promise<void> => use.kind === 'plugin' ? use.definition.setup(options, host) : use.definition.start(options, host, this.#services.snapshot);
      await withinLimit(run(), Math.max(0, this.#setupLimitMs - this.#setupSpentMs), () => new SteelyardError('ERR_PLUGIN_CREATE', {
        message: `the set-up of all plugins together took longer than ${this.#setupLimitMs} ms`,
        hint: 'does it wait for something that does not answer? setupLimitMs in the config raises the limit', source: 'plugin',
      }));
      if (this.#tornDown) throw new SteelyardError('ERR_STATE', { message: 'the generation was given up meanwhile' });
      plugin.isSetUp = true;
    } catch (cause) {
      throw await this.#giveUp(plugin, cause);
    } finally {
      this.#setupSpentMs += this.#services.clock.now() - startedAt;
    }
  }

  /**
   * A pool's strategy, with those inside it. `instance.select` goes to `TapRegistry.compile`, which guards it; its other callbacks never throw.
   * @param path names what it keeps beside backends
   * @throws SteelyardError ERR_PLUGIN_CREATE; call `tearDown` then
   */
  createStrategy(use: StrategyUse, pool: string, path = use.name, place = `pool ${pool}`): { plugin: PluginRuntime; instance: GuardedStrategy } {
    const seat: StrategySeat = {
      path,
      create: (inner, index) => {
        if (!isUse(inner) || inner.kind !== 'strategy') {
          throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `host.strategy was given ${nameOf(inner)}`, hint: 'give it a strategy of the options', source: 'plugin' });
        }
        const { plugin, instance } = this.createStrategy(inner, pool, `${path}/${index}.${inner.name}`, `${place}, in ${use.name}`);
        return innerStrategy(inner, plugin, instance);
      },
    };
    const { plugin, host, options } = this.#install(use, { kind: 'pool', name: pool }, place, STRATEGY_ON_FAILURE, seat);
    return { plugin, instance: created(plugin, () => guardStrategy(plugin, atOnce(use.definition.create(options, host)) as StrategyInstance)) };
  }

  /** One health check of a pool. @throws SteelyardError ERR_PLUGIN_CREATE; call `tearDown` then */
  createHealthCheck(use: HealthCheckUse, pool: string): { plugin: PluginRuntime; instance: HealthCheckInstance } {
    const { plugin, host, options } = this.#install(use, { kind: 'pool', name: pool }, `pool ${pool}`, 'open');
    return { plugin, instance: created(plugin, () => guardHealthCheck(plugin, atOnce(use.definition.create(options, host)))) };
  }

  /**
   * Starts a pool's discovery; resolves when `onUpdate` has taken the first list. `onUpdate` may throw over a list with faults.
   * @throws SteelyardError ERR_DISCOVERY when that does not happen within 10 s; call `tearDown` then
   */
  async startDiscovery(use: DiscoveryUse, pool: string, onUpdate: (backends: BackendList) => void): Promise<void> {
    const { plugin, host, options } = this.#install(use, { kind: 'pool', name: pool }, `pool ${pool}`, 'open');
    await startWatching(plugin, pool, (update) => use.definition.watch(update, plugin.signal, options, host), onUpdate);
    plugin.isSetUp = true;
  }

  get names(): string[] {
    return this.#plugins.map((plugin) => plugin.name);
  }

  /** The switch: from now on this generation's handlers answer and its metrics are shown. */
  commit(): void {
    this.#services.served.commit(this);
    this.#services.own.commit();
  }

  /**
   * The end of the generation, or of one that could not be built. Signals abort and timers stop first, for all; then nothing is
   * served any more; then deferred functions run, last deferred first; then shared values are given back. Never rejects.
   */
  tearDown(): Promise<void> {
    this.#tornDown ??= this.#tearDown();
    return this.#tornDown;
  }

  async #tearDown(): Promise<void> {
    const reversed = this.#plugins.toReversed();
    for (const plugin of reversed) plugin.abort();
    await this.#services.served.release(this);
    for (const plugin of reversed) await plugin.cleanUp();
    await this.#services.shared.release(this);
  }

  #install(use: AnyPluginUse, scope: Scope, place: string, onFailure: OnFailure, seat?: StrategySeat): Installed {
    if (this.#tornDown) throw new SteelyardError('ERR_STATE', { message: `plugin ${use.name} cannot be set up: its generation has ended` });
    const { log, clock, metrics } = this.#services;
    const plugin = new PluginRuntime(use.name, place, onFailure, log, clock, this.#failures, metrics.plugins);
    this.#plugins.push(plugin);
    return { plugin, host: createHost(plugin, scope.kind === 'pool' ? scope.name : '', this.#registry.face(plugin, scope), this.#services, seat), options: use.options as never };
  }

  async #giveUp(plugin: PluginRuntime, cause: unknown): Promise<SteelyardError> {
    await this.tearDown();
    return createError(plugin, cause);
  }
}

function created<T>(plugin: PluginRuntime, create: () => T): T {
  try {
    const instance = create();
    plugin.isSetUp = true;
    return instance;
  } catch (cause) {
    throw createError(plugin, cause);
  }
}

/** A pool cannot wait for its strategy: what takes time is done in a plugin's `setup`, or behind the first pick. */
function atOnce<T>(instance: T): T {
  if (!isThenable(instance)) return instance;
  swallow(instance);
  throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `create returned ${nameOf(instance)}`, hint: 'create must not be async', source: 'plugin' });
}

function createError(plugin: PluginRuntime, cause: unknown): SteelyardError {
  // The error below is told in a sentence; the plugin's author needs the stack.
  plugin.report('set-up', cause);
  return new SteelyardError('ERR_PLUGIN_CREATE', {
    message: `plugin ${plugin.name} (${plugin.place}) could not be set up`, hint: 'mend it, or take it out of the config', source: 'plugin', cause,
  });
}

function nameOfPlace(scope: Scope): string {
  return scope.kind === 'config' ? 'the config' : `${scope.kind} ${scope.name}`;
}

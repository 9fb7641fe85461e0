/** The balancer: the control plane. It holds the current generation and the data planes that carry the traffic; starts, reloads, stops. */
import type { Config, ConfigEnv, ConfigExport, HealthChange } from '@steelyard/sdk';
import { describeError, SteelyardError } from '@steelyard/sdk';
import { pino, type Logger } from 'pino';
import { loadConfig, resolveConfig } from './config/load.ts';
import type { ResolvedConfig } from './config/resolved.ts';
import { ControlGeneration } from './control/control-generation.ts';
import { describePool, type BoundListener, type Description, type Ledger } from './description.ts';
import { mergeMonitored } from './health/merge.ts';
import { createServices, type Services } from './services.ts';
import { LOG_FORM } from './log.ts';
import { NodeSocketEngine } from './sockets/node-sockets.ts';
import { DataThread } from './workers/data-thread.ts';
import { LocalPlanes } from './workers/local-planes.ts';
import type { Planes } from './workers/planes.ts';

/** How long a new generation waits for the first results of checks before it is switched to. What is unknown then stays out until its result. */
const WARM_UP_LIMIT_MS = 5_000;

export interface BalancerOptions {
  /** Default: a pino logger that writes JSON lines to standard output. */
  logger?: Logger;
  /** Whether the logger's level follows `log.level` of each config. Default: only when no logger was given. */
  followsLogLevel?: boolean;
  /** What a config that is a function is told. Default `embed`. */
  command?: ConfigEnv['command'];
}
export interface FileOptions extends BalancerOptions {
  /** `balancer.config.ts`, or `.js`, `.mjs`, `.json`. */
  configFile: string;
}

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

export class Balancer {
  #source: ConfigExport | string;
  readonly #env: ConfigEnv;
  readonly #log: Logger;
  readonly #followsLogLevel: boolean;
  readonly #services: Services;
  readonly #planes: Planes;
  readonly #retiring = new Set<Promise<void>>();
  #state: State = 'new';
  #generation: ControlGeneration | undefined;
  /** Built, and waiting for the data planes and the first results of its checks. */
  #incoming: ControlGeneration | undefined;
  #numbers = 0;
  #files: readonly string[] = [];
  /** Reloads and the stop run one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(source: ConfigExport | string, options: BalancerOptions) {
    this.#source = source;
    this.#env = { command: options.command ?? 'embed', env: process.env };
    this.#log = options.logger ?? pino(LOG_FORM);
    this.#followsLogLevel = options.followsLogLevel ?? options.logger === undefined;
    const services = createServices(this.#log, {
      onFlip: (change) => this.#healthChanged(change),
      onDown: (backend) => thread.idle.drop(backend),
      planes: () => this.#planes,
    });
    const thread = new DataThread(new NodeSocketEngine(), services.metrics, services.events, (backend, outcome) => services.observer.observe(backend, outcome));
    this.#services = services;
    this.#planes = new LocalPlanes(thread, services.traffic, services.observer);
  }

  /** Loads the config, builds, binds, waits for the first checks, serves. @throws SteelyardError: nothing is left open then. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new SteelyardError('ERR_STATE', { message: `start() on a balancer that is ${this.#state}`, hint: 'create a new one' });
    this.#state = 'starting';
    this.#services.thread.start();
    await this.#enqueue(async () => {
      try {
        await this.#advance(this.#source);
        this.#services.metrics.started(this.#generation!.number);
        this.#state = 'running';
      } catch (error) {
        this.#state = 'stopped';
        await this.#closeEverything(0);
        throw error;
      }
    });
  }

  /**
   * Builds the next generation and switches to it, or keeps the one that works.
   * @param config in place of the source, from now on: for balancers that were not created from a file.
   * @throws SteelyardError why not; the old generation goes on.
   */
  async reload(config?: ConfigExport): Promise<{ generation: number }> {
    return this.#enqueue(async () => {
      if (this.#state !== 'running') throw new SteelyardError('ERR_STATE', { message: `reload() on a balancer that is ${this.#state}` });
      try {
        await this.#advance(config ?? this.#source);
        this.#source = config ?? this.#source;
        this.#services.metrics.reload(true, this.#generation!.number);
        return { generation: this.#generation!.number };
      } catch (error) {
        this.#services.metrics.reload(false);
        const told = error as { code?: unknown; faults?: unknown };
        this.#log.error({ code: told.code, faults: told.faults, generation: this.#generation!.number }, `reload refused, the config of before goes on: ${describeError(error)}`);
        throw error;
      }
    });
  }

  /** Accepts no more, lets open exchanges end within the drain limit, then ends everything that was started. */
  async stop(options: { drainLimitMs?: number } = {}): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#state === 'stopped' || this.#state === 'new') {
        this.#state = 'stopped';
        return;
      }
      this.#state = 'stopping';
      await this.#closeEverything(options.drainLimitMs ?? this.#generation?.config.drainLimitMs ?? 0);
      this.#state = 'stopped';
      this.#log.info('stopped');
    });
  }

  async #closeEverything(drainLimitMs: number): Promise<void> {
    await this.#planes.stop(drainLimitMs);
    this.#services.monitor.stop();
    await Promise.all(this.#retiring);
    await this.#generation?.end();
    this.#services.thread.stop();
  }

  /** From a config to the generation that serves. Fails before anything was switched. */
  async #advance(source: ConfigExport | string): Promise<void> {
    const previous = this.#generation;
    const { resolved, files } = await this.#load(source);
    // At the start it holds for the start itself; a reload may still be refused.
    if (!previous) this.#followLogLevel(resolved);
    const next = await ControlGeneration.build(++this.#numbers, resolved, this.#services.control, (generation, pool) => this.#membershipChanged(generation, pool));
    try {
      await this.#planes.prepare(next);
      // The backends that are new get their first checks before anything is sent to them, or kept from them.
      this.#incoming = next;
      this.#watchHealth();
      await this.#services.monitor.firstResults(WARM_UP_LIMIT_MS);
    } catch (error) {
      this.#incoming = undefined;
      this.#watchHealth();
      previous?.takeBackBits();
      await this.#planes.discard();
      await next.end();
      throw error;
    }
    this.#switch(previous, next);
    this.#files = files;
    this.#followLogLevel(resolved);
    this.#log.info({ generation: next.number, listeners: this.addresses() }, previous ? 'reloaded' : 'started');
  }

  #followLogLevel({ log }: ResolvedConfig): void {
    if (this.#followsLogLevel) this.#log.level = log.level;
  }

  async #load(source: ConfigExport | string): Promise<{ resolved: ResolvedConfig; files: readonly string[] }> {
    if (typeof source === 'string') return loadConfig(source, this.#env);
    const config: Config = await (typeof source === 'function' ? source(this.#env) : source);
    return { resolved: await resolveConfig(config, process.cwd()), files: [] };
  }

  #switch(previous: ControlGeneration | undefined, next: ControlGeneration): void {
    next.takeOver(previous);
    this.#generation = next;
    this.#incoming = undefined;
    this.#watchHealth();
    this.#planes.switchOver();
    if (previous) this.#track(this.#retire(previous));
  }

  /** It ends after the last thread has ended it. */
  async #retire(old: ControlGeneration): Promise<void> {
    await this.#planes.ended(old.number);
    await old.end();
  }

  #track(retiring: Promise<void>): void {
    const guarded = retiring.catch((error: unknown) => this.#log.error({ err: error }, 'an old generation did not end in order'));
    this.#retiring.add(guarded);
    void guarded.finally(() => this.#retiring.delete(guarded));
  }

  #membershipChanged(generation: ControlGeneration, pool: string): void {
    this.#watchHealth();
    this.#planes.setMembers(generation, pool);
  }

  /** The first results of new backends come before their generation serves: then its plugins hear of them, for nobody else would. */
  #healthChanged(change: HealthChange): void {
    if (!this.#generation?.healthChanged(change)) this.#incoming?.healthChanged(change);
    this.#planes.healthChanged(change);
  }

  /** While a generation comes in, its backends are checked beside those of the one that serves. */
  #watchHealth(): void {
    const serving = this.#generation?.monitored() ?? [];
    this.#services.monitor.watch(this.#incoming ? mergeMonitored(serving, this.#incoming.monitored()) : serving);
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(step);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Where a listener can be reached: `address()` is the first one's. @throws SteelyardError ERR_STATE when there is none of that name. */
  address(name?: string): { host: string; port: number } {
    const found = this.addresses().find((listener) => name === undefined || listener.name === name);
    if (!found) throw new SteelyardError('ERR_STATE', { message: `no listener ${name ?? ''} is open`, hint: 'start() first' });
    return { host: found.host, port: found.port };
  }

  addresses(): BoundListener[] {
    return this.#planes.addresses();
  }

  describe(): Description {
    const generation = this.#generation;
    return {
      generation: generation?.number ?? 0,
      listeners: this.addresses(),
      pools: (generation?.pools ?? []).map(describePool),
      plugins: generation ? [...generation.pluginNames, ...this.#planes.pluginNames()] : [],
      served: this.#services.control.served.list(),
    };
  }

  /** Files whose change should cause a reload; empty without a config file. */
  watchFiles(): readonly string[] {
    return this.#files;
  }

  ledger(): Ledger {
    return { ...this.#planes.gauges(), inFlight: this.#services.control.backends.inFlight };
  }
}

/**
 * A load balancer inside a program. Nothing is opened before `start()`.
 * @example
 * const balancer = createBalancer(defineConfig({ listeners: [{ port: 0 }], pools: { web: { backends: ['http://127.0.0.1:9001'] } }, routes: [{ pool: 'web' }] }));
 * await balancer.start();
 * console.log(balancer.address().port);
 * await balancer.stop();
 */
export function createBalancer(source: ConfigExport | FileOptions, options: BalancerOptions = {}): Balancer {
  if (typeof source === 'object' && 'configFile' in source) return new Balancer(source.configFile, source);
  return new Balancer(source, options);
}

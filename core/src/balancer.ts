/** The balancer: the control plane. It holds the current generation and the data planes that carry the traffic; starts, reloads, stops. */
import type { Config, ConfigEnv, ConfigExport, HealthChange } from '@steelyard/sdk';
import { describeError, SteelyardError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { BalancerOptions, FileOptions } from './balancer-options.ts';
import { loadConfig, resolveConfig } from './config/load.ts';
import { noticesOf } from './config/notices.ts';
import type { ResolvedConfig } from './config/resolved.ts';
import { ControlGeneration } from './control/control-generation.ts';
import { describePool, type BoundListener, type Description, type Ledger } from './description.ts';
import { mergeMonitored } from './health/merge.ts';
import { createThreadLogger, type LoggerForm } from './log.ts';
import { createServices, type Services } from './services.ts';
import { createPlanes } from './workers/create-planes.ts';
import type { Planes } from './workers/planes.ts';
import { countWorkers, warnOfLostQueues } from './workers/worker-count.ts';

/** How long a new generation waits for the first results of checks before it is switched to. What is unknown then stays out until its result. */
const WARM_UP_LIMIT_MS = 5_000;

/** What is made at the start, when the number of workers is known. */
interface Parts {
  readonly services: Services;
  readonly planes: Planes;
  readonly workers: number;
}

/** The command's lines and the default logger's; `level` until a config says another. */
const STANDARD_OUTPUT: LoggerForm = { kind: 'stdout', level: 'info', pretty: false, colorize: false };

interface Loaded {
  readonly resolved: ResolvedConfig;
  readonly files: readonly string[];
}

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

export class Balancer {
  #source: ConfigExport | string;
  readonly #env: ConfigEnv;
  readonly #log: Logger;
  readonly #followsLogLevel: boolean;
  readonly #options: Partial<FileOptions>;
  #parts: Parts | undefined;
  readonly #retiring = new Set<Promise<void>>();
  #state: State = 'new';
  #generation: ControlGeneration | undefined;
  /** Built, and waiting for the data planes and the first results of its checks. */
  #incoming: ControlGeneration | undefined;
  #numbers = 0;
  #files: readonly string[] = [];
  /** Reloads and the stop run one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(source: ConfigExport | string, options: Partial<FileOptions>) {
    this.#source = source;
    this.#options = options;
    this.#env = { command: options.command ?? 'embed', env: process.env };
    this.#log = options.logger ?? createThreadLogger(STANDARD_OUTPUT);
    this.#followsLogLevel = options.followsLogLevel ?? options.logger === undefined;
  }

  /** Loads the config, builds, binds, waits for the first checks, serves. @throws SteelyardError: nothing is left open then. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new SteelyardError('ERR_STATE', { message: `start() on a balancer that is ${this.#state}`, hint: 'create a new one' });
    this.#state = 'starting';
    await this.#enqueue(async () => {
      try {
        const loaded = await this.#load(this.#source);
        this.#parts = this.#makeParts(loaded.resolved);
        this.#parts.services.thread.start();
        // It holds for the start itself; a reload may still be refused, and then its level is not wanted.
        this.#followLogLevel(loaded.resolved);
        await this.#advance(loaded, this.#parts);
        this.#parts.services.traffic.started(this.#generation!.number);
        this.#state = 'running';
      } catch (error) {
        this.#state = 'stopped';
        if (this.#parts) await this.#closeEverything(this.#parts, 0);
        throw error;
      }
    });
  }

  #makeParts(resolved: ResolvedConfig): Parts {
    const workers = countWorkers({ given: this.#options.workers, resolved, isFile: typeof this.#source === 'string', command: this.#env.command, log: this.#log });
    if (workers > 1) warnOfLostQueues(this.#log);
    // `planes` below: whatever these tell comes after both are made.
    const services = createServices(this.#log, workers, {
      onFlip: (change) => this.#healthChanged(change),
      onDown: (backend) => planes.drop(backend),
      onAddresses: (host, addresses) => planes.setAddresses(host, addresses),
      onForget: (block, forget) => planes.forget(block, forget),
      panics: () => this.#generation?.panics() ?? [],
      families: () => planes.families(),
    });
    const planes = createPlanes(services, {
      workers,
      configFile: typeof this.#source === 'string' ? this.#source : '',
      command: this.#env.command,
      log: this.#options.workerLog ?? (this.#options.logger ? { kind: 'message', level: 'debug' } : STANDARD_OUTPUT),
      followsLogLevel: this.#followsLogLevel,
      inTurn: (step) => this.#enqueue(step),
    });
    return { services, planes, workers };
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
        const loaded = await this.#load(config ?? this.#source);
        this.#tellFixedWorkers(loaded.resolved, this.#parts!.workers);
        await this.#advance(loaded, this.#parts!);
        this.#source = config ?? this.#source;
        this.#parts!.services.traffic.reload(true, this.#generation!.number);
        return { generation: this.#generation!.number };
      } catch (error) {
        this.#parts!.services.traffic.reload(false);
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
      await this.#closeEverything(this.#parts!, options.drainLimitMs ?? this.#generation?.config.drainLimitMs ?? 0);
      this.#state = 'stopped';
      this.#log.info('stopped');
    });
  }

  async #closeEverything({ planes, services }: Parts, drainLimitMs: number): Promise<void> {
    await planes.stop(drainLimitMs);
    services.monitor.stop();
    await Promise.all(this.#retiring);
    await this.#generation?.end();
    services.thread.stop();
  }

  /** From a config to the generation that serves. Fails before anything was switched. */
  async #advance({ resolved, files }: Loaded, { planes, services }: Parts): Promise<void> {
    const previous = this.#generation;
    const next = await ControlGeneration.build(++this.#numbers, resolved, services.control, (generation, pool) => this.#membershipChanged(generation, pool));
    services.book.declare(next.config);
    try {
      await planes.prepare(next);
      // The backends that are new get their first checks before anything is sent to them, or kept from them.
      this.#incoming = next;
      this.#watchHealth();
      await services.monitor.firstResults(WARM_UP_LIMIT_MS);
    } catch (error) {
      this.#incoming = undefined;
      this.#watchHealth();
      await planes.discard();
      if (previous) this.#takeBackBits(previous, planes);
      await next.end();
      services.book.release(next.config);
      throw error;
    }
    this.#switch(previous, next, planes);
    this.#files = files;
    this.#followLogLevel(resolved);
    this.#log.info({ generation: next.number, listeners: this.addresses() }, previous ? 'reloaded' : 'started');
    for (const notice of noticesOf(resolved)) this.#log.warn(notice);
  }

  /** The one that did not come may have moved the cells in which failures are counted. */
  #takeBackBits(serving: ControlGeneration, planes: Planes): void {
    serving.takeBackBits();
    for (const { config } of serving.pools) planes.setMembers(serving, config.name);
  }

  #tellFixedWorkers({ workers }: ResolvedConfig, now: number): void {
    if (workers === undefined || workers === now || this.#options.workers !== undefined) return;
    this.#log.warn({ workers: now }, `workers is ${workers} in the config, and stays ${now}: their number changes with a restart only`);
  }

  #followLogLevel({ log }: ResolvedConfig): void {
    if (this.#followsLogLevel) this.#log.level = log.level;
  }

  async #load(source: ConfigExport | string): Promise<Loaded> {
    if (typeof source === 'string') return loadConfig(source, this.#env);
    const config: Config = await (typeof source === 'function' ? source(this.#env) : source);
    return { resolved: await resolveConfig(config, process.cwd()), files: [] };
  }

  #switch(previous: ControlGeneration | undefined, next: ControlGeneration, planes: Planes): void {
    next.takeOver(previous);
    this.#generation = next;
    this.#incoming = undefined;
    this.#watchHealth();
    planes.switchOver();
    if (previous) this.#track(this.#retire(previous, planes));
  }

  /** It ends after the last thread has ended it. */
  async #retire(old: ControlGeneration, planes: Planes): Promise<void> {
    await planes.ended(old.number);
    await old.end();
    this.#parts!.services.book.release(old.config);
  }

  #track(retiring: Promise<void>): void {
    const guarded = retiring.catch((error: unknown) => this.#log.error({ err: error }, 'an old generation did not end in order'));
    this.#retiring.add(guarded);
    void guarded.finally(() => this.#retiring.delete(guarded));
  }

  #membershipChanged(generation: ControlGeneration, pool: string): void {
    this.#watchHealth();
    this.#parts?.planes.setMembers(generation, pool);
  }

  /** The first results of new backends come before their generation serves: then its plugins hear of them, for nobody else would. */
  #healthChanged(change: HealthChange): void {
    if (!this.#generation?.healthChanged(change)) this.#incoming?.healthChanged(change);
    this.#parts?.planes.healthChanged(change);
  }

  /** While a generation comes in, its backends are checked beside those of the one that serves. */
  #watchHealth(): void {
    const serving = this.#generation?.monitored() ?? [];
    this.#parts?.services.monitor.watch(this.#incoming ? mergeMonitored(serving, this.#incoming.monitored()) : serving);
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
    return this.#parts?.planes.addresses() ?? [];
  }

  describe(): Description {
    const generation = this.#generation;
    return {
      generation: generation?.number ?? 0,
      listeners: this.addresses(),
      pools: (generation?.pools ?? []).map(describePool),
      plugins: generation ? [...new Set([...generation.pluginNames, ...this.#parts!.planes.pluginNames()])] : [],
      served: this.#parts?.services.control.served.list() ?? [],
    };
  }

  /** Files whose change should cause a reload; empty without a config file. */
  watchFiles(): readonly string[] {
    return this.#files;
  }

  ledger(): Ledger {
    if (!this.#parts) return { leasesOpened: 0, leasesClosed: 0, inFlight: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0 };
    const { planes, services } = this.#parts;
    return { ...planes.gauges(), inFlight: services.backends.inFlight };
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

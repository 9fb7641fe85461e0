/** Data planes in worker threads: main's side. What the control plane decides goes to all of them; one that dies or stalls is replaced. */
import type { HealthChange, MetricFamily } from '@steelyard/sdk';
import { describeError, SteelyardError } from '@steelyard/sdk';
import type { Forget } from '../board/rows.ts';
import type { ThreadGauges } from '../board/scoreboard.ts';
import { configText, digestOf, firstDifference } from '../config/digest.ts';
import type { ControlGeneration } from '../control/control-generation.ts';
import type { BoundListener } from '../description.ts';
import { relayLine } from '../log.ts';
import { MonotoneFamilies } from '../metrics/merge.ts';
import type { Services } from '../services.ts';
import { NodeSocketEngine } from '../sockets/node-sockets.ts';
import { Crew, type CrewParts } from './crew.ts';
import { fromWire } from './error-wire.ts';
import type { PrepareOrder } from './messages.ts';
import type { Planes } from './planes.ts';
import { SharedPorts, type Bound } from './ports.ts';
import { beatMsOf } from './watchdog.ts';
import type { Told, WorkerHandle } from './worker-handle.ts';

/** A worker that does not answer so soon is shown with what it said last. */
const FAMILIES_LIMIT_MS = 1_000;

export interface WorkerPlanesParts extends CrewParts, Pick<Services, 'book' | 'backends' | 'resolver' | 'monitor'> {
  /** Whether the system shares a port's connections out among threads. */
  readonly isShared: boolean;
  /** Runs a step when no reload is under way. */
  readonly inTurn: <T>(step: () => Promise<T>) => Promise<T>;
}

export class WorkerPlanes implements Planes {
  readonly #parts: WorkerPlanesParts;
  readonly #ports: SharedPorts;
  readonly #crew: Crew;
  readonly #families: MonotoneFamilies;
  readonly #endings = new Map<number, PromiseWithResolvers<void>>();
  #serving: ControlGeneration | undefined;
  #bound: ReadonlyMap<string, Bound> = new Map();
  #prepared: { generation: ControlGeneration; found: ReadonlyMap<string, Bound> } | undefined;
  #plugins: readonly string[] = [];
  #pluginsPrepared: readonly string[] = [];

  constructor(parts: WorkerPlanesParts) {
    this.#parts = parts;
    const told = new Set<string>();
    this.#families = new MonotoneFamilies(({ name }) => {
      if (!told.has(name)) parts.log.warn({ metric: name }, `metric ${name} has another type or other bounds in one worker than in another: what does not fit is left out`);
      told.add(name);
    });
    this.#ports = new SharedPorts(new NodeSocketEngine());
    this.#crew = new Crew(parts, {
      told: (worker, message) => this.#onTold(worker, message),
      gone: (worker) => this.#onGone(worker),
      replace: (number) => parts.inTurn(() => this.#replace(number)),
      drainLimitMs: () => this.#serving?.config.drainLimitMs ?? 0,
    });
  }

  /** One worker first: a config that takes a thread down costs one, not all. */
  async prepare(generation: ControlGeneration): Promise<void> {
    const { config } = generation;
    if (!this.#serving) this.#crew.setStallLimit(config.stallLimitMs);
    // Those that are missing beside others come after the switch: they would bind now, and hold their share of the clients until then.
    if (this.#crew.staying.length === 0) await this.#crew.startAll();
    const found = await this.#ports.find(config.listeners);
    this.#prepared = { generation, found };
    const print = fingerprintOf(generation);
    const [first, ...others] = this.#crew.staying;
    if (!first) throw new SteelyardError('ERR_WORKER', { message: 'no worker is left to prepare the config', hint: 'the log says why they ended' });
    this.#pluginsPrepared = await this.#prepareOne(first, generation, found, print);
    const results = await Promise.allSettled(others.map((worker) => this.#prepareOne(worker, generation, found, print)));
    // One that ends while others serve is replaced by one that begins with what serves then; at the start it would end again.
    const failed = results.find((result, index) => result.status === 'rejected' && !(this.#serving && others[index]!.hasEnded));
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }

  async #prepareOne(worker: WorkerHandle, generation: ControlGeneration, found: ReadonlyMap<string, Bound>, { text, digest }: Fingerprint): Promise<readonly string[]> {
    // As things are now: from here on the worker is told of what changes.
    const order = this.#order(generation, found, digest);
    worker.generations.add(order.number);
    this.#crew.watch(worker);
    try {
      const answer = await worker.ask('prepare', order);
      if ('plugins' in answer) return answer.plugins;
      const { configFile } = this.#parts.birth;
      const place = firstDifference(text, answer.config) ?? 'somewhere';
      // A worker that replaces another loads a file that may have been edited since.
      if (this.#serving?.number === order.number) throw new SteelyardError('ERR_WORKER', { message: `${configFile} is not what was loaded any more: ${place}`, hint: 'reload, or put back what it was' });
      throw new SteelyardError('ERR_CONFIG', {
        message: `${configFile} gives another result each time it is loaded: ${place}`, source: 'config',
        hint: 'each thread loads the config for itself: take what depends on time, chance or the thread out of it, or say workers: 0',
      });
    } catch (error) {
      this.#generationEnded(worker, order.number);
      throw error;
    }
  }

  #order(generation: ControlGeneration, found: ReadonlyMap<string, Bound>, digest: string): PrepareOrder {
    const { book, resolver, isShared } = this.#parts;
    return {
      number: generation.number,
      digest,
      pools: generation.order(),
      ports: new Map([...found].map(([name, { port }]) => [name, port])),
      isShared,
      counters: book.entries(),
      addresses: resolver.known(),
      beatMs: beatMsOf(generation.config.stallLimitMs),
    };
  }

  async discard(): Promise<void> {
    const number = this.#prepared?.generation.number;
    this.#prepared = undefined;
    if (number !== undefined) {
      await Promise.allSettled([...this.#crew.all].map(async (worker) => {
        if (worker.generations.has(number)) await worker.ask('discard', undefined);
        this.#generationEnded(worker, number);
      }));
    }
    if (this.#serving) this.#crew.endIdle();
  }

  switchOver(): void {
    const { generation, found } = this.#prepared!;
    const previous = this.#serving;
    this.#prepared = undefined;
    this.#serving = generation;
    this.#bound = found;
    this.#plugins = this.#pluginsPrepared;
    this.#ports.hold(generation.config.listeners, found);
    this.#crew.setStallLimit(generation.config.stallLimitMs);
    if (previous) this.#endings.set(previous.number, Promise.withResolvers());
    for (const worker of this.#crew.all) {
      // One that drains begins nothing.
      if (worker.isLeaving || !worker.generations.has(generation.number)) continue;
      worker.isServing = true;
      worker.tell({ kind: 'switch' });
    }
    if (previous) this.#resolveIfEnded(previous.number);
    this.#crew.replaceMissing();
  }

  setMembers(generation: ControlGeneration, pool: string): void {
    if (generation !== this.#serving && generation !== this.#prepared?.generation) return;
    const members = generation.members(pool);
    const { number } = generation;
    for (const worker of this.#crew.all) if (worker.generations.has(number)) worker.tell({ kind: 'members', number, pool, members });
  }

  setAddresses(host: string, addresses: readonly string[]): void {
    for (const worker of this.#crew.all) worker.tell({ kind: 'addresses', host, addresses });
  }

  healthChanged({ backend: { pool, id }, from, to, source, reason }: HealthChange): void {
    for (const worker of this.#crew.all) worker.tell({ kind: 'flip', change: { pool, id, from, to, source, reason } });
  }

  /** Each worker hears of the flip itself. */
  drop(): void {}

  async ended(number: number): Promise<void> {
    await this.#endings.get(number)?.promise;
    this.#endings.delete(number);
  }

  #generationEnded(worker: WorkerHandle, number: number): void {
    worker.generations.delete(number);
    this.#resolveIfEnded(number);
  }

  #resolveIfEnded(number: number): void {
    if ([...this.#crew.all].some((worker) => worker.generations.has(number))) return;
    this.#endings.get(number)?.resolve();
  }

  async stop(drainLimitMs: number): Promise<void> {
    await this.#crew.stop(drainLimitMs);
    this.#serving = undefined;
    this.#bound = new Map();
  }

  addresses(): BoundListener[] {
    return (this.#serving?.config.listeners ?? []).map(({ name, protocol }) => ({ name, protocol, ...this.#bound.get(name)! }));
  }

  forget(block: number, forget: Forget): void {
    for (const worker of this.#crew.all) if (worker.block === block) worker.tell({ kind: 'forget', forget });
  }

  pluginNames(): readonly string[] {
    return this.#plugins;
  }

  async families(): Promise<MetricFamily[]> {
    const { promise: limit, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, FAMILIES_LIMIT_MS, undefined).unref();
    await Promise.all([...this.#crew.all].map(async (worker) => {
      const told = await Promise.race([worker.ask('families', undefined).catch(() => undefined), limit]);
      if (told && !worker.hasEnded) this.#families.tell(worker.block, told);
    }));
    clearTimeout(timer);
    return this.#families.families();
  }

  gauges(): ThreadGauges {
    const sum: ThreadGauges = { leasesOpened: 0, leasesClosed: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0 };
    for (let block = 1; block < this.#parts.board.blocks; block++) {
      const gauges = this.#parts.board.gauges(block);
      for (const name of Object.keys(sum) as (keyof ThreadGauges)[]) sum[name] += gauges[name];
    }
    return sum;
  }

  /** A new worker in the place of one that is gone: it begins with the generation that serves. */
  async #replace(number: number): Promise<void> {
    const generation = this.#serving;
    // A reload may have brought one meanwhile.
    if (!generation || this.#crew.staying.some((worker) => worker.number === number)) return;
    const worker = await this.#crew.start(number);
    try {
      await this.#prepareOne(worker, generation, this.#bound, fingerprintOf(generation));
    } catch (error) {
      worker.end(`it could not prepare the config: ${describeError(error)}`);
      await worker.ended();
      throw error;
    }
    worker.isServing = true;
    worker.tell({ kind: 'switch' });
    this.#parts.log.info({ worker: number }, `worker ${number} was replaced`);
  }

  #onTold(worker: WorkerHandle, message: Told): void {
    const { rows, monitor, backends, log } = this.#parts;
    switch (message.kind) {
      case 'ended':
        return this.#generationEnded(worker, message.number);
      case 'forgotten':
        return rows.acknowledged(worker.block, message.forget);
      case 'failing': {
        const backend = backends.ofRow(message.row);
        if (backend) monitor.failing(backend, message.source, message.failures, message.last);
        return;
      }
      case 'served': {
        const backend = backends.ofRow(message.row);
        if (backend) monitor.served(backend, message.source);
        return;
      }
      case 'line':
        return relayLine(log, message.line);
      case 'wounded':
        return this.#crew.wounded(worker, fromWire(message.error));
      default:
        return message satisfies never;
    }
  }

  #onGone(worker: WorkerHandle): void {
    this.#families.ended(worker.block);
    for (const number of worker.generations) this.#generationEnded(worker, number);
  }
}

/** Of a config as main has it: made once for all workers, because a config may be long. */
interface Fingerprint {
  readonly text: string;
  readonly digest: string;
}

function fingerprintOf({ config }: ControlGeneration): Fingerprint {
  const text = configText(config);
  return { text, digest: digestOf(text) };
}

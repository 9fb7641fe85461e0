/**
 * A worker from within: one data plane, and main's voice in it. It loads the config file for itself, because functions do not cross threads;
 * health, membership and names come from main; what real traffic says of the backends goes there.
 */
import type { ConfigEnv, HealthChange } from '@steelyard/sdk';
import { describeError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import { AddressCounts } from '../board/address-counts.ts';
import { WorkerRows } from '../board/rows.ts';
import { Scoreboard } from '../board/scoreboard.ts';
import { configText, digestOf } from '../config/digest.ts';
import { loadConfig } from '../config/load.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { DataThread } from '../data-thread.ts';
import { PassiveObserver } from '../health/observer.ts';
import { createThreadLogger } from '../log.ts';
import { CounterBook } from '../metrics/counter-book.ts';
import { ThreadMetrics } from '../metrics/process.ts';
import { TrafficMetrics } from '../metrics/traffic.ts';
import { pluginOfStack } from '../plugins/stray.ts';
import { EventLog } from '../request/event-log.ts';
import { trafficServices } from '../services.ts';
import { NodeSocketEngine } from '../sockets/node-sockets.ts';
import type { BackendState } from '../upstream/backend.ts';
import { GivenAddresses } from '../upstream/given-addresses.ts';
import { BackendRegistry } from '../upstream/registry.ts';
import { clockOffsetMs } from './clock-offset.ts';
import { DataPlane } from './data-plane.ts';
import { toWire } from './error-wire.ts';
import type { FlipTold, PrepareAnswer, PrepareOrder, ToMain, ToWorker, WorkerBirth } from './messages.ts';

export class WorkerThread {
  readonly #birth: WorkerBirth;
  readonly #post: (message: ToMain) => void;
  readonly #log: Logger;
  readonly #board: Scoreboard;
  readonly #rows: WorkerRows;
  readonly #book: CounterBook;
  readonly #names = new GivenAddresses();
  readonly #backends: BackendRegistry;
  readonly #observer: PassiveObserver;
  readonly #thread: DataThread;
  readonly #metrics: ThreadMetrics;
  readonly #services: ReturnType<typeof trafficServices>;
  readonly #plane: DataPlane;
  #prepared: { readonly config: ResolvedConfig; readonly beatMs: number } | undefined;
  #beat: NodeJS.Timeout | undefined;
  #beatMs = Infinity;
  /** What is being prepared, while the config is still being loaded for it. */
  #loading: PrepareOrder | undefined;
  /** Rows that main has told of, of a generation that is not built yet. */
  #announced: number[] = [];
  #isWounded = false;

  constructor(birth: WorkerBirth, post: (message: ToMain) => void) {
    this.#birth = birth;
    this.#post = post;
    this.#log = createThreadLogger(birth.log, { worker: birth.number, onLine: (line) => post({ kind: 'line', line }) });
    this.#board = Scoreboard.attach(birth.memory, birth.block);
    this.#rows = new WorkerRows(this.#board, (forget) => post({ kind: 'forgotten', forget }));
    this.#book = new CounterBook(this.#board);
    const traffic = new TrafficMetrics(this.#board, this.#book);
    const events = new EventLog(this.#log);
    this.#backends = new BackendRegistry(this.#board, this.#names, () => {}, (backend) => this.#thread.idle.drop(backend), this.#rows);
    const shiftMs = clockOffsetMs() - birth.clockOffsetMs;
    this.#observer = new PassiveObserver(() => performance.now() + shiftMs, {
      failing: ({ row }, source, failures, last) => post({ kind: 'failing', row, source, failures, last }),
      served: ({ row }, source) => post({ kind: 'served', row, source }),
      fault: (source, error) => events.fault(error, `health check ${source} failed where it must not`),
    });
    const counts = { board: this.#board, addresses: new AddressCounts(birth.addresses, birth.block), shares: birth.workers };
    this.#thread = new DataThread(new NodeSocketEngine(), traffic, events, (backend, outcome) => this.#observer.observe(backend, outcome), counts);
    this.#metrics = new ThreadMetrics(`worker-${birth.number}`);
    this.#metrics.start();
    this.#services = trafficServices({ log: this.#log, events, board: this.#board, backends: this.#backends, traffic, shares: birth.workers });
    this.#plane = new DataPlane(this.#thread, this.#services, (number) => post({ kind: 'ended', number }));
  }

  /** A message from main. Those that are no questions take effect before this returns. Main takes them for done: one that fails is a wound. */
  async hear(message: Exclude<ToWorker, { kind: 'leave' }>): Promise<void> {
    try {
      await this.#take(message);
    } catch (error) {
      this.wounded(error);
    }
  }

  async #take(message: Exclude<ToWorker, { kind: 'leave' }>): Promise<void> {
    switch (message.kind) {
      case 'switch':
        return this.#switchOver();
      case 'members':
        return this.#setMembers(message);
      case 'addresses':
        return this.#names.set(message.host, message.addresses);
      case 'flip':
        return this.#flip(message.change);
      case 'forget':
        return this.#rows.forget(message.forget);
      default:
        return await this.#answer(message);
    }
  }

  async #answer(question: Extract<ToWorker, { id: number }>): Promise<void> {
    const { id } = question;
    try {
      this.#post({ kind: 'answer', id, answer: await this.#answerTo(question) });
    } catch (error) {
      this.#post({ kind: 'failed', id, error: toWire(error) });
    }
  }

  async #answerTo(question: Extract<ToWorker, { id: number }>): Promise<unknown> {
    switch (question.kind) {
      case 'prepare':
        return await this.#prepare(question.order);
      case 'discard':
        return await this.#plane.discard();
      case 'families':
        return [...this.#services.metrics.snapshot(), ...this.#metrics.snapshot()];
      case 'stop':
        return await this.#stop(question.order.drainLimitMs);
      default:
        return question satisfies never;
    }
  }

  async #prepare(order: PrepareOrder): Promise<PrepareAnswer> {
    const { configFile, command, followsLogLevel } = this.#birth;
    // From now on, not only from when the generation stands: main may take a row back meanwhile.
    this.#announced = [...order.pools.values()].flatMap(({ members }) => members.map(({ row }) => row));
    for (const row of this.#announced) this.#rows.use(row);
    try {
      // Main looks by the old limit until the switch, and by the new one from there.
      this.#beatEvery(Math.min(this.#beatMs, order.beatMs));
      this.#book.adopt(order.counters);
      for (const [host, addresses] of order.addresses) this.#names.set(host, addresses);
      this.#loading = order;
      const { resolved } = await loadConfig(configFile, { command: command as ConfigEnv['command'], env: process.env }).finally(() => (this.#loading = undefined));
      const text = configText(resolved);
      if (digestOf(text) !== order.digest) return { config: text };
      if (!this.#plane.generation && followsLogLevel) this.#log.level = resolved.log.level;
      await this.#plane.prepare(resolved, order, order);
      this.#prepared = { config: resolved, beatMs: order.beatMs };
      return { plugins: this.#plane.preparedPlugins };
    } finally {
      for (const row of this.#announced.splice(0)) this.#rows.retire(row, () => {});
    }
  }

  #switchOver(): void {
    this.#plane.switchOver();
    const { config, beatMs } = this.#prepared!;
    if (this.#birth.followsLogLevel) this.#log.level = config.log.level;
    this.#beatEvery(beatMs);
    this.#observer.watch(this.#plane.generation!.observed());
  }

  #setMembers({ number, pool, members }: Extract<ToWorker, { kind: 'members' }>): void {
    for (const { row } of members) this.#rows.use(row);
    if (this.#loading?.number === number) {
      // They stay in use until it is prepared.
      this.#loading.pools.get(pool)!.members = members;
      this.#announced.push(...members.map(({ row }) => row));
      return;
    }
    this.#plane.setMembers(number, pool, members);
    for (const { row } of members) this.#rows.retire(row, () => {});
    if (this.#plane.generation?.number === number) this.#observer.watch(this.#plane.generation.observed());
  }

  /** The marks changed in the scoreboard before this came. */
  #flip({ pool, id, ...facts }: FlipTold): void {
    const tell = (backend: BackendState | undefined): void => {
      if (backend === undefined) return;
      if (facts.to === 'down') this.#thread.idle.drop(backend);
      this.#plane.healthChanged({ backend, ...facts } satisfies HealthChange);
    };
    tell(this.#plane.backend(pool, id));
  }

  #beatEvery(ms: number): void {
    this.#beatMs = ms;
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.#showLife(), ms).unref();
    this.#showLife();
  }

  #showLife(): void {
    this.#board.beat();
    this.#board.publish(this.#plane.gauges());
  }

  async #stop(drainLimitMs: number): Promise<void> {
    await this.#plane.stop(drainLimitMs);
    this.#showLife();
  }

  /** It may have left anything half done: main drains this worker and starts another. */
  wounded(error: unknown): void {
    this.#log.error({ err: error, plugin: this.#pluginOf(error) }, `uncaught exception, this worker will be replaced: ${describeError(error)}`);
    if (this.#isWounded) return;
    this.#isWounded = true;
    this.#post({ kind: 'wounded', error: toWire(error) });
  }

  /** One broken promise of a plugin must not cut every client off: it is told and counted, and the worker goes on. */
  strayRejection(reason: unknown): void {
    const plugin = this.#pluginOf(reason);
    this.#services.metrics.plugins.failed(plugin ?? '(unknown)', 'unhandledRejection');
    this.#log.error({ err: reason, plugin }, `unhandled rejection: ${describeError(reason)}`);
  }

  #pluginOf(thrown: unknown): string | undefined {
    return pluginOfStack(thrown, this.#plane.generation?.pluginNames ?? []);
  }
}

/** The worker threads as such: started, watched, dismissed, replaced when they die, stall or are wounded. What they are told is another's business. */
import { describeError, SteelyardError } from '@steelyard/sdk';
import type { SharedRows } from '../board/rows.ts';
import type { Services } from '../services.ts';
import type { WorkerBirth } from './messages.ts';
import { Replacements } from './replacements.ts';
import { Watchdog } from './watchdog.ts';
import { WorkerHandle, type Told, type WorkerEvents } from './worker-handle.ts';

/** For what a plugin's clean-up may take after the drain, before the thread is ended all the same. */
const STOP_GRACE_MS = 10_000;

export interface CrewParts extends Pick<Services, 'board' | 'addresses' | 'traffic' | 'log'> {
  readonly rows: SharedRows;
  /** What all workers are born with. */
  readonly birth: Omit<WorkerBirth, 'number' | 'block' | 'memory' | 'addresses' | 'workers'>;
  readonly workers: number;
}

export interface CrewEvents {
  told(worker: WorkerHandle, message: Told): void;
  /** It has ended; its share of the scoreboard is given back already. */
  gone(worker: WorkerHandle): void;
  /** Puts a new worker into the place of one that is gone. */
  replace(number: number): Promise<void>;
  drainLimitMs(): number;
}

export class Crew {
  readonly #parts: CrewParts;
  readonly #events: CrewEvents;
  /** Those that came up and have not ended, also those that drain. */
  readonly #workers = new Set<WorkerHandle>();
  readonly #freeBlocks: number[];
  readonly #watchdog: Watchdog;
  readonly #replacements: Replacements;
  #isStopping = false;

  constructor(parts: CrewParts, events: CrewEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#freeBlocks = Array.from({ length: parts.board.blocks - 1 }, (_, index) => index + 1);
    this.#watchdog = new Watchdog(parts.board, (worker, silentMs) => worker.end(`it was silent for ${silentMs} ms`));
    this.#replacements = new Replacements((number) => (this.#isStopping ? Promise.resolve() : events.replace(number)));
  }

  get all(): ReadonlySet<WorkerHandle> {
    return this.#workers;
  }

  /** Silence after which a worker is replaced, from now on. Milliseconds. */
  setStallLimit(ms: number): void {
    this.#watchdog.setLimit(ms);
  }

  /** From here on it must beat. */
  watch(worker: WorkerHandle): void {
    this.#watchdog.watch(worker);
  }

  /** Those that can be told what is to come. */
  get staying(): WorkerHandle[] {
    return [...this.#workers].filter(({ isLeaving }) => !isLeaving);
  }

  /** Starts all: at the start, or when none is left. One that fails is tried again when something serves. @throws SteelyardError ERR_WORKER when all fail */
  async startAll(): Promise<void> {
    const results = await Promise.allSettled(this.#missing().map((number) => this.start(number)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed && results.every(({ status }) => status === 'rejected')) throw failed.reason;
  }

  #missing(): number[] {
    const there = new Set(this.staying.map(({ number }) => number));
    return Array.from({ length: this.#parts.workers }, (_, index) => index + 1).filter((number) => !there.has(number));
  }

  /** A new config serves: what kept workers away may be mended. Those that are missing are replaced at once. */
  replaceMissing(): void {
    for (const number of this.#missing()) this.#scheduleReplacement(number, Infinity);
  }

  /** The config that they were started for did not come to serve: each is started again for the one that does, in its time. */
  endIdle(): void {
    for (const worker of this.staying) {
      if (worker.isServing) continue;
      worker.isLeaving = true;
      worker.end('the config that it was started for did not come to serve');
    }
    for (const number of this.#missing()) if (!this.#replacements.isAwaited(number)) this.#scheduleReplacement(number, 0);
  }

  /** @throws SteelyardError ERR_WORKER */
  async start(number: number): Promise<WorkerHandle> {
    const { board, addresses, rows, birth, workers } = this.#parts;
    const block = this.#freeBlocks.shift();
    if (block === undefined) throw new SteelyardError('ERR_WORKER', { message: `worker ${number} cannot start: those before it have not ended yet` });
    const events = { told: (from: WorkerHandle, message: Told) => this.#events.told(from, message), gone: this.#onGone };
    const worker = this.#create({ ...birth, number, block, memory: board.memory, addresses: addresses.memory, workers }, events);
    await worker.ready();
    // Not before it can be told: it would be asked to forget a row, and could never answer.
    rows.workerJoined(block);
    this.#workers.add(worker);
    return worker;
  }

  /** Where the system gives no thread (a limit on processes, say) nobody ends who would give the block back. */
  #create(birth: WorkerBirth, events: WorkerEvents): WorkerHandle {
    try {
      return new WorkerHandle(birth, events);
    } catch (cause) {
      this.#freeBlocks.push(birth.block);
      throw new SteelyardError('ERR_WORKER', { message: `worker ${birth.number} cannot start: the system gives no thread for it`, hint: 'is a limit on processes or memory met? fewer workers need less', cause });
    }
  }

  /** All drain, then end; nobody is replaced any more. */
  async stop(drainLimitMs: number): Promise<void> {
    this.#isStopping = true;
    this.#replacements.stop();
    await Promise.all([...this.#workers].map((worker) => this.#dismiss(worker, drainLimitMs)));
    this.#watchdog.stop();
  }

  /** Lets it drain, then ends it. */
  async #dismiss(worker: WorkerHandle, drainLimitMs: number): Promise<void> {
    worker.isLeaving = true;
    const limit = setTimeout(() => worker.end('it did not stop in time'), drainLimitMs + STOP_GRACE_MS);
    // One that ends meanwhile has stopped as well.
    await worker.ask('stop', { drainLimitMs }).catch((error: unknown) => this.#parts.log.warn({ worker: worker.number }, `worker ${worker.number} did not stop in order: ${describeError(error)}`));
    clearTimeout(limit);
    await worker.leave();
  }

  /** An exception that nobody caught may have left anything half done in it: it accepts no more and drains, while another takes its place. */
  wounded(worker: WorkerHandle, error: Error): void {
    if (this.#isStopping || worker.isLeaving) return;
    this.#parts.log.error({ worker: worker.number }, `worker ${worker.number} is replaced: ${describeError(error)}`);
    if (!worker.isServing) return worker.end(`an exception was not caught: ${error.message}`);
    // Without a block for its successor it cannot drain beside it.
    if (this.#freeBlocks.length === 0) return worker.end('an exception was not caught');
    worker.isReplaced = true;
    void this.#dismiss(worker, this.#events.drainLimitMs());
    this.#scheduleReplacement(worker.number, performance.now() - worker.startedAt);
  }

  readonly #onGone = (worker: WorkerHandle, why: string): void => {
    const { board, addresses, rows, traffic, log } = this.#parts;
    const wasUp = this.#workers.delete(worker);
    this.#watchdog.forget(worker);
    const connections = board.gauges(worker.block).clientConnections;
    const leases = board.reclaim(worker.block);
    addresses.clear(worker.block);
    traffic.workerGone(worker.block);
    rows.workerGone(worker.block);
    this.#freeBlocks.push(worker.block);
    this.#events.gone(worker);
    if (this.#isStopping || worker.isLeaving) return;
    const lost = worker.isServing ? `; its connections (about ${connections}) are lost, the others go on` : '';
    log.error({ worker: worker.number, connections, leases }, `worker ${worker.number} has ended: ${why}${lost}`);
    // Of one that never served, whoever wanted it hears by itself.
    if (wasUp && worker.isServing && !worker.isReplaced) this.#scheduleReplacement(worker.number, performance.now() - worker.startedAt);
  };

  #scheduleReplacement(number: number, livedMs: number): void {
    const { log } = this.#parts;
    const waitMs = this.#replacements.schedule(number, livedMs, (error, nextMs) => {
      log.error({ worker: number }, `worker ${number} could not be replaced, the next attempt is in ${nextMs} ms: ${describeError(error)}`);
    });
    if (waitMs > 0) log.warn({ worker: number }, `worker ${number} is replaced in ${waitMs} ms`);
  }
}

/** The worker threads as such: started, watched, dismissed, replaced when they die, stall or are wounded. What they are told is another's business. */
import { describeError, SteelyardError } from '@steelyard/sdk';
import type { Services } from '../services.ts';
import type { WorkerBirth } from './messages.ts';
import { Replacements } from './replacements.ts';
import type { SharedRows } from './rows.ts';
import { Watchdog } from './watchdog.ts';
import { WorkerHandle, type Told } from './worker-handle.ts';

/** For what a plugin's clean-up may take after the drain, before the thread is ended all the same. */
const STOP_GRACE_MS = 10_000;

export interface CrewParts extends Pick<Services, 'board' | 'traffic' | 'log'> {
  readonly rows: SharedRows;
  /** What all workers are born with. */
  readonly birth: Omit<WorkerBirth, 'number' | 'block' | 'memory' | 'workers'>;
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

  /**
   * Starts those that are not there: all of them at first, later what could not be replaced yet. One that fails is tried again later, unless
   * there is no other. @throws SteelyardError ERR_WORKER
   */
  async startMissing(): Promise<void> {
    const missing = this.#missing();
    for (const number of missing) this.#replacements.cancel(number);
    const results = await Promise.allSettled(missing.map((number) => this.start(number)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed && this.#workers.size === 0) throw failed.reason;
    results.forEach((result, index) => {
      if (result.status === 'rejected') this.#scheduleReplacement(missing[index]!, 0);
    });
  }

  /** Those that could not be replaced yet are, at once. */
  replaceMissing(): void {
    for (const number of this.#missing()) this.#scheduleReplacement(number, Infinity);
  }

  #missing(): number[] {
    const there = new Set([...this.#workers].filter(({ isLeaving }) => !isLeaving).map(({ number }) => number));
    return Array.from({ length: this.#parts.workers }, (_, index) => index + 1).filter((number) => !there.has(number));
  }

  /** The config that they were started for did not come to serve: each is started again for the one that does. */
  endIdle(): void {
    for (const worker of this.#workers) {
      if (worker.isServing || worker.isLeaving) continue;
      worker.isLeaving = true;
      worker.end('the config that it was started for did not come to serve');
      this.#scheduleReplacement(worker.number, 0);
    }
  }

  /** @throws SteelyardError ERR_WORKER */
  async start(number: number): Promise<WorkerHandle> {
    const { board, rows, birth, workers } = this.#parts;
    const block = this.#freeBlocks.shift();
    if (block === undefined) throw new SteelyardError('ERR_WORKER', { message: `worker ${number} cannot start: those before it have not ended yet` });
    const events = { told: (from: WorkerHandle, message: Told) => this.#events.told(from, message), gone: this.#onGone };
    const worker = await WorkerHandle.start({ ...birth, number, block, memory: board.memory, workers }, events);
    // Before it is told of any row; until here nothing could be sent to it.
    rows.workerJoined(block);
    this.#workers.add(worker);
    return worker;
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
    worker.end('it was stopped');
    await worker.ended();
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
    const { board, rows, traffic, log } = this.#parts;
    const wasUp = this.#workers.delete(worker);
    this.#watchdog.forget(worker);
    const connections = board.gauges(worker.block).clientConnections;
    const leases = board.reclaim(worker.block);
    traffic.workerGone(worker.block);
    rows.workerGone(worker.block);
    this.#freeBlocks.push(worker.block);
    this.#events.gone(worker);
    if (this.#isStopping || worker.isLeaving) return;
    const lost = worker.isServing ? `; its connections (about ${connections}) are lost, the others go on` : '';
    log.error({ worker: worker.number, connections, leases }, `worker ${worker.number} has ended: ${why}${lost}`);
    // One that never came up is told to whoever wanted it.
    if (wasUp && !worker.isReplaced) this.#scheduleReplacement(worker.number, performance.now() - worker.startedAt);
  };

  #scheduleReplacement(number: number, livedMs: number): void {
    const { log } = this.#parts;
    const waitMs = this.#replacements.schedule(number, livedMs, (error, nextMs) => {
      log.error({ worker: number }, `worker ${number} could not be replaced, the next attempt is in ${nextMs} ms: ${describeError(error)}`);
    });
    if (waitMs > 0) log.warn({ worker: number }, `worker ${number} is replaced in ${waitMs} ms`);
  }
}

/** One worker as main has it: a thread, the messages to and from it, its signs of life, and its end. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { SteelyardError } from '@steelyard/sdk';
import { fromWire } from './error-wire.ts';
import type { QuestionKind, Questions, ToMain, ToWorker, WorkerBirth } from './messages.ts';

/** From the thread's creation until it listens to main. */
const START_LIMIT_MS = 30_000;

/** What an exit from within may take: log lines wait up to five seconds for their reader. */
const LEAVE_LIMIT_MS = 7_000;

/** What a worker says of its own accord. */
export type Told = Exclude<ToMain, { kind: 'ready' | 'answer' | 'failed' }>;

export interface WorkerEvents {
  told(worker: WorkerHandle, message: Told): void;
  /** The thread has ended, whatever ended it; nothing comes from it any more. `why`: a sentence's end, such as `it was silent for 5000 ms`. */
  gone(worker: WorkerHandle, why: string): void;
}

interface Question {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

export class WorkerHandle {
  readonly number: number;
  readonly block: number;
  readonly startedAt = performance.now();
  /** Generations that have something of theirs in it. */
  readonly generations = new Set<number>();
  /** Its listeners are open, or will be with the next switch. */
  isServing = false;
  /** It was told to stop: it drains, and gets nothing new. */
  isLeaving = false;
  /** Another has its place already. */
  isReplaced = false;
  hasEnded = false;
  readonly #thread: Worker;
  readonly #readiness = Promise.withResolvers<void>();
  /** Never rejects: an error of the thread (out of memory, say) is a reason for its end, not a failure of whoever waits for it. */
  readonly #end = Promise.withResolvers<void>();
  readonly #events: WorkerEvents;
  readonly #questions = new Map<number, Question>();
  #ids = 0;
  #why = '';

  /** Starts the thread. @throws what Node throws when the system gives none. */
  constructor(birth: WorkerBirth, events: WorkerEvents) {
    this.number = birth.number;
    this.block = birth.block;
    this.#events = events;
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    this.#thread = new Worker(file, { workerData: birth, name: `steelyard-${birth.number}`, env: SHARE_ENV, ...execution() });
    this.#thread.on('message', (message: ToMain) => this.#onMessage(message));
    // Out of memory, or an exception before the worker could hear of it itself. An 'exit' follows.
    this.#thread.on('error', (error: unknown) => (this.#why ||= error instanceof Error ? error.message : String(error)));
    this.#thread.once('exit', (code) => this.#onExit(code));
  }

  /** Resolves when the thread listens. @throws SteelyardError ERR_WORKER when it ends before, or does not come to that within 30 s. */
  async ready(): Promise<void> {
    const limit = setTimeout(() => this.end(`it did not come up within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
    try {
      await this.#readiness.promise;
    } finally {
      clearTimeout(limit);
    }
  }

  /** @throws what the worker threw; SteelyardError ERR_WORKER when it ended before it answered. */
  async ask<K extends QuestionKind>(kind: K, order: Questions[K][0]): Promise<Questions[K][1]> {
    if (this.hasEnded) throw this.#endError();
    const id = ++this.#ids;
    return new Promise<Questions[K][1]>((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.tell({ kind, id, order } as ToWorker);
    });
  }

  tell(message: ToWorker): void {
    if (!this.hasEnded) this.#thread.postMessage(message);
  }

  /** Ends the thread wherever it stands, also in an endless loop. */
  end(why: string): void {
    this.#why ||= why;
    void this.#thread.terminate();
  }

  /** Ends the thread from within, which has stopped everything. Resolves when it has ended. */
  async leave(): Promise<void> {
    this.#why ||= 'it was stopped';
    this.tell({ kind: 'leave' });
    const limit = setTimeout(() => this.end(''), LEAVE_LIMIT_MS);
    await this.ended();
    clearTimeout(limit);
  }

  ended(): Promise<void> {
    return this.#end.promise;
  }

  #onMessage(message: ToMain): void {
    if (message.kind === 'ready') return this.#readiness.resolve();
    if (message.kind === 'answer') return this.#settle(message.id)?.resolve(message.answer as never);
    if (message.kind === 'failed') return this.#settle(message.id)?.reject(fromWire(message.error));
    this.#events.told(this, message);
  }

  #settle(id: number): Question | undefined {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    return question;
  }

  #onExit(code: number): void {
    this.hasEnded = true;
    this.#why ||= `its thread ended with code ${code}`;
    this.#readiness.reject(this.#endError());
    // Whoever waits for it has been told already, or will look at `hasEnded`.
    this.#readiness.promise.catch(() => {});
    for (const { reject } of this.#questions.values()) reject(this.#endError());
    this.#questions.clear();
    this.#events.gone(this, this.#why);
    this.#end.resolve();
  }

  #endError(): SteelyardError {
    return new SteelyardError('ERR_WORKER', { message: `worker ${this.number} ended: ${this.#why}` });
  }
}

/** Threads inherit Node's options. Of a program that was given as text, one says how to read the text, and then no file can be the entry of a thread. */
function execution(): { execArgv?: string[] } {
  return process.execArgv.some((option) => option.startsWith('--input-type')) ? { execArgv: [] } : {};
}

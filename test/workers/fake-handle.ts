/** In place of `WorkerHandle`: a worker without a thread, whose answers, wounds and end are in the test's hands. */
import { SteelyardError } from '@steelyard/sdk';
import type { PrepareOrder, ToWorker, WorkerBirth } from '../../core/src/workers/messages.ts';
import type { WorkerHandle as RealHandle, WorkerEvents } from '../../core/src/workers/worker-handle.ts';

type Answers = Partial<Record<'prepare' | 'discard' | 'families' | 'stop', (worker: WorkerHandle) => unknown>>;

export class WorkerHandle {
  /** Every one that was started in this test, in order. */
  static all: WorkerHandle[] = [];
  /** Before a thread listens. */
  static beforeReady: (number: number) => Promise<void> | void = () => {};
  /** Where the system may give no thread. */
  static beforeThread: () => void = () => {};
  /** What workers answer, in place of all being well. */
  static answers: Answers = {};

  readonly number: number;
  readonly block: number;
  readonly startedAt = performance.now();
  readonly generations = new Set<number>();
  isServing = false;
  isLeaving = false;
  isReplaced = false;
  hasEnded = false;
  readonly orders: PrepareOrder[] = [];
  readonly heard: ToWorker[] = [];
  readonly events: WorkerEvents;
  readonly #end = Promise.withResolvers<never>();
  #served = 0;

  constructor(birth: WorkerBirth, events: WorkerEvents) {
    WorkerHandle.beforeThread();
    this.number = birth.number;
    this.block = birth.block;
    this.events = events;
    this.#end.promise.catch(() => {});
    WorkerHandle.all.push(this);
  }

  async ready(): Promise<void> {
    await Promise.race([WorkerHandle.beforeReady(this.number), this.#end.promise]);
  }

  static reset(): void {
    WorkerHandle.all = [];
    WorkerHandle.answers = {};
    WorkerHandle.beforeReady = () => {};
    WorkerHandle.beforeThread = () => {};
  }

  get real(): RealHandle {
    return this as unknown as RealHandle;
  }

  async ask(kind: keyof Answers, order: unknown): Promise<unknown> {
    if (kind === 'prepare') this.orders.push(structuredClone(order) as PrepareOrder);
    const usual = { prepare: { plugins: [] }, discard: undefined, families: [], stop: undefined }[kind];
    const answered = await Promise.race([this.#end.promise, WorkerHandle.answers[kind]?.(this)]);
    return answered ?? usual;
  }

  tell(message: ToWorker): void {
    if (this.hasEnded) return;
    this.heard.push(message);
    if (message.kind === 'switch') {
      const { number } = this.orders.at(-1)!;
      if (this.#served > 0) this.events.told(this.real, { kind: 'ended', number: this.#served });
      this.#served = number;
    }
    if (message.kind === 'forget') queueMicrotask(() => this.events.told(this.real, { kind: 'forgotten', forget: message.forget }));
  }

  /** As a thread that dies: whoever waits for an answer hears of it, then everybody. */
  end(why: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#end.reject(new SteelyardError('ERR_WORKER', { message: `worker ${this.number} ended: ${why}` }));
    this.events.gone(this.real, why);
  }

  wound(): void {
    this.events.told(this.real, { kind: 'wounded', error: { code: '', message: 'a wound', hint: '', source: '', stack: '' } });
  }

  leave(): Promise<void> {
    this.end('it was stopped');
    return Promise.resolve();
  }

  ended(): Promise<void> {
    return Promise.resolve();
  }

  get hasSwitched(): boolean {
    return this.heard.some(({ kind }) => kind === 'switch');
  }
}

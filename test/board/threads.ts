/** Real threads for tests of the scoreboard. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ScoreboardMemory } from '../../core/src/board/scoreboard.ts';
import { PROGRESS, type Report, type Shared, type Task } from './thread-tasks.ts';

const MAX_ROWS = 1_000;
/** Nothing here takes a second; a thread that failed must not hang the test. */
const PATIENCE_MS = 10_000;

export function sharedWith(memory: ScoreboardMemory): Shared {
  const cells = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(count * 4));
  return { memory, control: cells(PROGRESS + memory.blocks), inside: cells(MAX_ROWS), peaks: cells(MAX_ROWS) };
}

export class BoardThread {
  readonly #worker = new Worker(new URL('./board-thread.ts', import.meta.url));
  readonly #exit = once(this.#worker, 'exit');

  share(shared: Shared): void {
    this.#worker.postMessage(shared);
  }

  /** @throws what the thread threw. */
  async run(task: Task): Promise<Report> {
    this.#worker.postMessage(task);
    const [report] = (await once(this.#worker, 'message')) as [Report];
    return report;
  }

  /** Begins to run something that never ends. */
  begin(task: Task): void {
    this.#worker.postMessage(task);
  }

  /** Ends it wherever it is. */
  async kill(): Promise<void> {
    void this.#worker.terminate();
    await this.#exit;
  }
}

/** Blocks this thread until the cell is another than it was seen. */
export function waitForChange(cells: Int32Array, cell: number, seen: number): void {
  if (Atomics.wait(cells, cell, seen, PATIENCE_MS) === 'timed-out') throw new Error(`cell ${cell} stayed ${seen}: the thread that changes it has failed`);
}

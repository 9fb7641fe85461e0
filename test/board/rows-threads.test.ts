/** Rows that real threads use: none is given out again while one of them still does. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { SharedRows } from '../../core/src/board/rows.ts';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { FromRowsThread, RowsBirth, ToRowsThread } from './rows-thread.ts';

const WORKERS = 2;
const BACKENDS = 80;
/** Of these main waits for some to be free before it asks for more. */
const MAX_RETIRED = 10;
const MAX_USED = 5;

it('are not given out again while a thread uses them, also when one of the threads is killed and another comes', async () => {
  const board = Scoreboard.create({ workers: WORKERS, isShared: true, rows: 1, maxBytes: 2 ** 20 });
  const owners = new Int32Array(new SharedArrayBuffer(4 * BACKENDS));
  const threads = new Map<number, Worker>();
  const faults: string[] = [];
  const send = (block: number, message: ToRowsThread): void => threads.get(block)!.postMessage(message);
  const rows = new SharedRows(board, (block, forget) => send(block, { kind: 'forget', forget }));
  const used: number[] = [];
  let asked = 0;
  let taken = 0;
  let freed = 0;
  let wake = (): void => {};
  const somethingHappens = (): Promise<void> => new Promise((resolve) => (wake = resolve));

  const use = (block: number, row: number): void => {
    asked++;
    send(block, { kind: 'use', row, owner: owners[row]! });
  };
  const join = (block: number): void => {
    rows.workerJoined(block);
    const birth: RowsBirth = { memory: board.memory, block, owners };
    const thread = new Worker(new URL('./rows-thread.ts', import.meta.url), { workerData: birth });
    threads.set(block, thread);
    thread.on('message', (message: FromRowsThread) => {
      if (message.kind === 'using') taken++;
      else if (message.kind === 'acknowledged') rows.acknowledged(block, message.forget);
      else faults.push(message.fault);
      wake();
    });
    thread.on('error', (error) => faults.push(String(error)));
    for (const row of used) use(block, row);
  };
  const lose = async (block: number): Promise<void> => {
    const thread = threads.get(block)!;
    void thread.terminate();
    await once(thread, 'exit');
    threads.delete(block);
    board.reclaim(block);
    rows.workerGone(block);
  };
  const retire = (row: number, turns: readonly number[]): void => {
    for (const block of threads.keys()) send(block, { kind: 'leave', row, turns: turns[block - 1]! });
    rows.retire(row, () => void freed++);
  };

  for (let block = 1; block <= WORKERS; block++) join(block);
  const plan = fc.sample(fc.record({ which: fc.nat(MAX_USED - 1), turns: fc.array(fc.constantFrom(0, 1, 40), { minLength: WORKERS, maxLength: WORKERS }) }), { numRuns: BACKENDS, seed: fc.readConfigureGlobal().seed });
  for (const [at, { which, turns }] of plan.entries()) {
    if (at === BACKENDS / 2) {
      // It would never let go of this one.
      retire(used.shift()!, [Infinity, 0]);
      await lose(1);
      join(1);
    }
    const row = rows.allocate();
    owners[row] = at + 1;
    used.push(row);
    for (const block of threads.keys()) use(block, row);
    while (taken < asked) await somethingHappens();
    if (used.length < MAX_USED) continue;
    retire(used.splice(which, 1)[0]!, turns);
    while (at + 1 - used.length - freed > MAX_RETIRED) await somethingHappens();
  }
  for (const row of used) retire(row, [0, 0]);
  while (freed < BACKENDS) await somethingHappens();
  await Promise.all([...threads.values()].map((thread) => thread.terminate()));
  expect(faults).toEqual([]);
  const again = Array.from({ length: MAX_USED + MAX_RETIRED }, () => rows.allocate());
  expect(again.sort((a, b) => a - b)).toEqual(again.map((_, i) => i));
  for (const row of again) expect(board.inFlight(row)).toBe(0);
});

/** The scoreboard under several real threads at once. What they did is proved by counts of their own, beside the board. */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { COUNT_STEP, ENDED, NEWEST_ROW, PROGRESS, type Shared } from './thread-tasks.ts';
import { BoardThread, sharedWith, waitForChange } from './threads.ts';

/** More than the cores of a small machine: some are always interrupted in the middle. */
const THREADS = 3;

describe('threads that take and give back at once', () => {
  const threads: BoardThread[] = [];
  beforeAll(() => {
    for (let i = 0; i < THREADS; i++) threads.push(new BoardThread());
  });
  afterAll(() => Promise.all(threads.map((thread) => thread.kill())));

  it('never hold more than the limit, are never refused below it, and leave nothing behind', async () => {
    const schedule = fc.record({ seed: fc.integer({ min: 1 }), limits: fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(Infinity)), { minLength: 1, maxLength: 4 }), units: fc.integer({ min: 1, max: 5 }) });
    await fc.assert(fc.asyncProperty(schedule, async ({ seed, limits, units }) => {
      const { board, shared } = boardFor(threads);
      const rows = limits.map((limit) => {
        const row = board.allocate();
        board.setLimit(row, limit);
        return row;
      });
      const reports = await Promise.all(threads.map((thread, i) => thread.run({ kind: 'rush', block: i + 1, threads: THREADS, seed: seed + i, rows, units, operations: 10_000 })));
      const wanted = THREADS * units;
      rows.forEach((row, i) => {
        // While nobody gives back, exactly as many get in as there is room for: the limit holds to the unit in both directions.
        expect(reports.reduce((sum, { granted }) => sum + granted[i]!, 0)).toBe(Math.min(limits[i]!, wanted));
        expect(shared.peaks[row]).toBe(Math.min(limits[i]!, wanted));
        expect([board.inFlight(row), shared.inside[row], board.sum(row, 0)]).toEqual([0, 0, 0]);
      });
      // An attempt at a full row that added first, and took back, would refuse others that have room meanwhile.
      expect(reports.map(({ overshoots }) => overshoots)).toEqual(reports.map(() => 0));
      // Nor in any thread's own share.
      expect(threads.map((_, i) => board.reclaim(i + 1))).toEqual(threads.map(() => 0));
    }), { numRuns: 8 });
  });

  it('lose no count, no failure and no mark while the board grows; what main reads meanwhile never goes back and is never torn', async () => {
    const { board, shared } = boardFor(threads, 1);
    const rows = [board.allocate()];
    const lastRow = 16;
    const running = Promise.all(threads.map((thread, i) => thread.run({ kind: 'count', block: i + 1, threads: THREADS, seed: 1, rows, operations: 10_000, lastRow })));
    const { control } = shared;
    const before: number[] = [];
    const look = (): void => {
      rows.forEach((row) => {
        const value = board.sum(row, 0);
        if (!(value >= (before[row] ?? 0)) || value % COUNT_STEP !== 0) throw new Error(`row ${row}: ${value} after ${before[row]}`);
        before[row] = value;
      });
    };
    while (rows.at(-1)! < lastRow) {
      const progress = threads.map((_, i) => Atomics.load(control, PROGRESS + i + 1));
      rows.push(board.allocate());
      Atomics.store(control, NEWEST_ROW, rows.at(-1)!);
      // All of them count in the new row before there is the next.
      if (rows.at(-1)! < lastRow) threads.forEach((_, i) => waitForChange(control, PROGRESS + i + 1, progress[i]!));
      look();
    }
    while (Atomics.load(control, ENDED) < THREADS) look();
    const reports = await running;
    expect(rows).toEqual(Array.from({ length: lastRow + 1 }, (_, i) => i));
    for (const row of rows) {
      const counts = reports.map((report) => report.counts[row]!);
      const sum = counts.reduce((a, b) => a + b, 0);
      expect([board.sum(row, 0) / COUNT_STEP, board.failures(row, 0)]).toEqual([sum, sum]);
    }
    expect(reports.map(({ lostMarks }) => lostMarks)).toEqual(reports.map(() => 0));
  });
});

describe('threads that are ended anywhere', () => {
  const VICTIMS = 3;

  it('give back exactly what they had, to the unit, whoever else goes on', async () => {
    const survivor = new BoardThread();
    const { board, shared } = boardFor([survivor], 4, VICTIMS + 1);
    const rows = Array.from({ length: 4 }, () => board.allocate());
    rows.forEach((row, i) => board.setLimit(row, [2, 5, 9, Infinity][i]!));
    // Main's own are never taken off with them.
    board.acquire(rows[2]!);
    const own = rows.map((row) => board.inFlight(row));
    const moment = fc.record({ steps: fc.integer({ min: 1, max: 200 }), spins: fc.integer({ min: 0, max: 2_000 }) });
    const round = fc.record({ hasSurvivor: fc.boolean(), moments: fc.array(moment, { minLength: VICTIMS, maxLength: VICTIMS }) });
    const rounds = fc.sample(round, { numRuns: 6, seed: fc.readConfigureGlobal().seed });
    for (const { hasSurvivor, moments } of rounds) {
      const surviving = hasSurvivor ? survivor.run({ kind: 'rush', block: VICTIMS + 1, threads: 1, seed: 7, rows, units: 3, operations: 30_000 }) : undefined;
      // Before anything blocks this thread, or nobody would answer the new threads' requests for their files.
      const victims = moments.map(() => new BoardThread());
      victims.forEach((victim, i) => {
        victim.share(shared);
        victim.begin({ kind: 'churn', block: i + 1, threads: VICTIMS, seed: moments[i]!.steps, rows, units: 4 });
      });
      await Promise.all(victims.map(async (victim, i) => {
        const cell = PROGRESS + i + 1;
        const end = Atomics.load(shared.control, cell) + moments[i]!.steps;
        while (Atomics.load(shared.control, cell) < end) {
          const seen = Atomics.load(shared.control, cell);
          await Atomics.waitAsync(shared.control, cell, seen).value;
        }
        for (let spin = 0; spin < moments[i]!.spins; spin++) Atomics.load(shared.control, cell);
        await victim.kill();
      }));
      await surviving;
      const open = rows.reduce((sum, row, i) => sum + board.inFlight(row) - own[i]!, 0);
      const returned = victims.map((_, i) => board.reclaim(i + 1));
      expect(returned.reduce((sum, units) => sum + units, 0)).toBe(open);
      expect(rows.map((row) => board.inFlight(row))).toEqual(own);
    }
    expect(board.reclaim(VICTIMS + 1)).toBe(0);
    await survivor.kill();
  });
});

function boardFor(threads: readonly BoardThread[], rows = 4, workers = threads.length): { board: Scoreboard; shared: Shared } {
  const board = Scoreboard.create({ workers, isShared: true, rows, maxBytes: 2 ** 24 });
  const shared = sharedWith(board.memory);
  for (const thread of threads) thread.share(shared);
  return { board, shared };
}

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNTERS } from '../../core/src/board/layout.ts';
import { MAX_SOURCES, MAX_WORKERS, Scoreboard } from '../../core/src/board/scoreboard.ts';

const GAUGES = { leasesOpened: 9, leasesClosed: 7, clientConnections: 3, upstreamConnections: 5, deadlines: 4 };

describe.each([{ workers: 0, isShared: false }, { workers: 0, isShared: true }, { workers: 3, isShared: true }])('a board for $workers workers, shared: $isShared,', (kind) => {
  const boardWith = (rows: number): Scoreboard => Scoreboard.create({ ...kind, rows });
  /** Every thread's view of it. */
  const threadsOf = (board: Scoreboard): Scoreboard[] => [board, ...Array.from({ length: kind.workers }, (_, i) => Scoreboard.attach(board.memory, i + 1))];

  it('gives rows of their own, empty, and one that was freed again, empty too, in every block', () => {
    const board = boardWith(2);
    const threads = threadsOf(board);
    const [a, b] = [board.allocate(), board.allocate()];
    expect(a).not.toBe(b);
    board.setMark(a, 3, true);
    board.setKnown(a);
    board.setDraining(a, true);
    board.setLimit(a, 100);
    board.setUpSince(a, 5);
    board.addFailure(a, 5);
    for (const thread of threads) {
      thread.acquire(a);
      thread.counters().fill(7, thread.counterOffset(a), thread.counterOffset(a) + COUNTERS);
    }
    board.free(a);
    expect(board.allocate()).toBe(a);
    expect([board.marks(a), board.known(a), board.draining(a), board.limit(a), board.upSince(a), board.failures(a, 5), board.inFlight(a)])
      .toEqual([0, false, false, Infinity, -Infinity, 0, 0]);
    for (const thread of threads) expect(thread.ownInFlight(a)).toBe(0);
    for (let counter = 0; counter < COUNTERS; counter++) expect(board.sum(a, counter)).toBe(0);
  });

  it('does in every thread what a plain model does, over growth too', () => {
    const step = fc.record({
      what: fc.constantFrom('allocate', 'free', 'acquire', 'acquire', 'giveBack', 'limit', 'mark', 'fail', 'clear', 'count', 'drain', 'upSince'),
      thread: fc.nat(kind.workers), row: fc.nat(99), value: fc.nat(9),
    });
    fc.assert(fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const board = boardWith(1);
      const threads = threadsOf(board);
      const model = new Map<number, ModelRow>();
      for (const { what, thread: by, row: which, value } of steps) {
        if (what === 'allocate' || model.size === 0) {
          const row = board.allocate();
          expect(model.has(row)).toBe(false);
          model.set(row, emptyRow(threads.length));
          for (const each of threads) each.ensure(row);
          continue;
        }
        const row = [...model.keys()][which % model.size]!;
        if (what === 'free') {
          model.delete(row);
          board.free(row);
          continue;
        }
        change(what, threads[by]!, row, model.get(row)!, by, value);
        // Whatever one changed, no row shows anything but its own.
        for (const [other, expected] of model) expect(seen(threads, other)).toEqual(expected);
      }
    }), { numRuns: 60 });
  });

  it('adds up the counters of all threads, each of which has its own cells', () => {
    const board = boardWith(2);
    const rows = [board.allocate(), board.allocate()];
    const cells = new Set<number>();
    for (const thread of threadsOf(board)) {
      for (const row of rows) {
        const at = thread.counterOffset(row);
        expect(board.counterOffset(row, thread.block)).toBe(at);
        for (let counter = 0; counter < COUNTERS; counter++) {
          thread.counters()[at + counter]! += 1 + counter;
          cells.add(at + counter);
        }
      }
    }
    expect(cells.size).toBe((kind.workers + 1) * rows.length * COUNTERS);
    for (const row of rows) for (let counter = 0; counter < COUNTERS; counter++) expect(board.sum(row, counter)).toBe((kind.workers + 1) * (1 + counter));
    // Nothing else was written: not the in-flight, nor what lies in the header.
    expect([board.inFlight(rows[0]!), board.limit(rows[1]!), board.beats(0), board.gauges(0).leasesOpened]).toEqual([0, Infinity, 0, 0]);
  });

  it('keeps counters in their places when it grows', () => {
    const board = boardWith(1);
    const row = board.allocate();
    const at = board.counterOffset(row);
    board.counters()[at + COUNTERS - 1] = 42;
    for (let i = 0; i < 100; i++) board.allocate();
    expect([board.counterOffset(row), board.counters()[at + COUNTERS - 1], board.sum(row, COUNTERS - 1)]).toEqual([at, 42, 42]);
  });

  it('takes no limit for as many as there may be, and a limit of any size', () => {
    const board = boardWith(1);
    const row = board.allocate();
    board.setLimit(row, Infinity);
    expect([board.acquire(row), board.limit(row)]).toEqual([true, Infinity]);
    board.setLimit(row, 1e12);
    expect([board.belowLimit(row), board.acquire(row)]).toEqual([true, true]);
    board.setLimit(row, 2);
    expect([board.limit(row), board.belowLimit(row), board.acquire(row)]).toEqual([2, false, false]);
  });

  it('says in an addressed error that there is no room, and goes on with what there is', () => {
    const board = Scoreboard.create({ ...kind, rows: 1, maxBytes: 20_000 });
    const rows: number[] = [];
    let thrown: unknown;
    while (thrown === undefined) {
      try {
        rows.push(board.allocate());
      } catch (error) {
        thrown = error;
      }
    }
    expect(thrown).toMatchObject({ code: 'ERR_STATE', message: `there is no room for more than ${rows.length} backends, routes and pools` });
    expect(rows.length).toBeGreaterThan(1);
    expect(new Set(rows).size).toBe(rows.length);
    for (const row of rows) expect([board.inFlight(row), board.acquire(row), board.inFlight(row)]).toEqual([0, true, 1]);
    board.free(rows[0]!);
    expect(board.allocate()).toBe(rows[0]);
    expect(() => board.allocate()).toThrow();
  });

  it('tells each thread’s gauges and beats from those of the others', () => {
    const board = boardWith(1);
    const threads = threadsOf(board);
    for (const thread of threads) {
      for (let i = 0; i <= thread.block; i++) thread.beat();
      thread.publish({ ...GAUGES, deadlines: thread.block });
    }
    for (let i = 0; i < 10; i++) board.allocate();
    for (const { block } of threads) expect([board.beats(block), board.gauges(block)]).toEqual([block + 1, { ...GAUGES, deadlines: block }]);
  });
});

it('sets and clears the mark of one source and no other, for as many sources as there may be', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const row = board.allocate();
  for (let bit = 0; bit < MAX_SOURCES; bit++) board.setMark(row, bit, true);
  for (let bit = 0; bit < MAX_SOURCES; bit++) {
    expect(board.marks(row)).not.toBe(0);
    board.setMark(row, bit, false);
    board.setMark(row, bit, false);
  }
  expect(board.marks(row)).toBe(0);
});

it('counts the failures of each source by themselves, also those of the last one, and not into the next row', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const [row, next] = [board.allocate(), board.allocate()];
  const last = MAX_SOURCES - 1;
  expect([board.addFailure(row, 0), board.addFailure(row, 0), board.addFailure(row, last)]).toEqual([1, 2, 1]);
  board.clearFailures(row, 0);
  expect([board.addFailure(row, 0), board.addFailure(row, last)]).toEqual([1, 2]);
  expect([board.ownInFlight(row), board.inFlight(row), board.marks(next), board.inFlight(next), board.failures(next, 0)]).toEqual([0, 0, 0, 0, 0]);
});

describe('a thread that has ended', () => {
  it('gives back what it had open, and nobody else’s; its counters stay', () => {
    const board = Scoreboard.create({ workers: 2, isShared: true });
    const [dead, alive] = [Scoreboard.attach(board.memory, 1), Scoreboard.attach(board.memory, 2)];
    const rows = Array.from({ length: 100 }, () => board.allocate());
    for (const thread of [dead, alive]) {
      thread.ensure(rows.at(-1)!);
      for (const row of rows) for (let i = 0; i < row % 3; i++) thread.acquire(row);
      thread.counters()[thread.counterOffset(rows[7]!)] = 5;
    }
    const units = rows.reduce((sum, row) => sum + (row % 3), 0);
    expect([board.reclaim(1), board.reclaim(1)]).toEqual([units, 0]);
    for (const row of rows) expect([board.inFlight(row), alive.ownInFlight(row)]).toEqual([row % 3, row % 3]);
    expect(board.sum(rows[7]!, 0)).toBe(10);
  });

  it('has nothing open in its gauges, and its successor counts leases on', () => {
    const board = Scoreboard.create({ workers: 1, isShared: true });
    Scoreboard.attach(board.memory, 1).publish(GAUGES);
    board.reclaim(1);
    expect(board.gauges(1)).toEqual({ leasesOpened: 9, leasesClosed: 9, clientConnections: 0, upstreamConnections: 0, deadlines: 0 });
    Scoreboard.attach(board.memory, 1).publish({ ...GAUGES, leasesOpened: 2, leasesClosed: 1 });
    expect(board.gauges(1)).toEqual({ ...GAUGES, leasesOpened: 11, leasesClosed: 10 });
  });
});

it('reserves no more address space than it is given, and needs none where there is none to be had', () => {
  const board = Scoreboard.create({ workers: 2, isShared: true, maxBytes: 2 ** 49 });
  for (let i = 0; i < 500; i++) board.allocate();
  expect(board.memory.buffer.maxByteLength).toBeLessThan(2 ** 49);
});

it('is for as many workers as it was made for, and refuses those that do not fit', () => {
  const board = Scoreboard.create({ workers: MAX_WORKERS, isShared: true, rows: 1 });
  expect(Scoreboard.attach(board.memory, MAX_WORKERS).blocks).toBe(MAX_WORKERS + 1);
  for (const block of [0, -1, MAX_WORKERS + 1, NaN]) expect(() => Scoreboard.attach(board.memory, block)).toThrow(RangeError);
  expect(() => Scoreboard.create({ workers: MAX_WORKERS + 1, isShared: true })).toThrow(RangeError);
  expect(() => Scoreboard.create({ workers: 1, isShared: false })).toThrow(RangeError);
  expect(() => Scoreboard.create({ workers: 0, isShared: false }).memory).toThrow('not shared');
});

it('refuses a row that nobody gave out', () => {
  const board = Scoreboard.create({ workers: 1, isShared: true, rows: 4 });
  expect(() => Scoreboard.attach(board.memory, 1).ensure(4)).toThrow(RangeError);
});

interface ModelRow {
  own: number[];
  counts: number[];
  limit: number;
  isMarked: boolean;
  isDraining: boolean;
  failures: number;
  upSince: number;
}
function emptyRow(threads: number): ModelRow {
  return { own: Array.from({ length: threads }, () => 0), counts: Array.from({ length: threads }, () => 0), limit: Infinity, isMarked: false, isDraining: false, failures: 0, upSince: -Infinity };
}
const total = (units: readonly number[]): number => units.reduce((sum, each) => sum + each, 0);
const BIT = 11;

function change(what: string, board: Scoreboard, row: number, model: ModelRow, by: number, value: number): void {
  const hasRoom = total(model.own) < model.limit;
  switch (what) {
    case 'acquire':
      expect([board.belowLimit(row), board.acquire(row)]).toEqual([hasRoom, hasRoom]);
      if (hasRoom) model.own[by]!++;
      break;
    case 'giveBack':
      if (model.own[by] === 0) break;
      board.giveBack(row);
      model.own[by]!--;
      break;
    case 'limit': board.setLimit(row, (model.limit = value)); break;
    case 'mark': board.setMark(row, BIT, (model.isMarked = value > 4)); break;
    case 'fail': expect(board.addFailure(row, BIT)).toBe(++model.failures); break;
    case 'clear': board.clearFailures(row, BIT); model.failures = 0; break;
    case 'count': board.counters()[board.counterOffset(row)]! += value; model.counts[by]! += value; break;
    case 'drain': board.setDraining(row, (model.isDraining = value > 4)); break;
    case 'upSince': board.setUpSince(row, (model.upSince = value + 0.5)); break;
    default: throw new Error(what);
  }
}

/** What the threads see, which must be one and the same. */
function seen(threads: readonly Scoreboard[], row: number): ModelRow {
  const own = threads.map((thread) => thread.ownInFlight(row));
  const counts = threads.map((thread) => thread.counters()[thread.counterOffset(row)]!);
  for (const thread of threads) expect([thread.inFlight(row), thread.sum(row, 0)]).toEqual([total(own), total(counts)]);
  const last = threads.at(-1)!;
  return {
    own, counts, limit: last.limit(row), isMarked: last.marks(row) === 1 << BIT, isDraining: last.draining(row), failures: last.failures(row, BIT), upSince: last.upSince(row),
  };
}

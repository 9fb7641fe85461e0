import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_SOURCES, Scoreboard } from '../../core/src/workers/scoreboard.ts';

it('gives rows of their own, empty, and one that was released again, empty too', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false, rows: 2 });
  const [a, b] = [board.allocate(), board.allocate()];
  expect(a).not.toBe(b);
  board.setMark(a, 3, true);
  board.setKnown(a);
  board.setDraining(a, true);
  board.setLimit(a, 1);
  board.addFailure(a, 5);
  board.free(a);
  const again = board.allocate();
  expect(again).toBe(a);
  expect([board.marks(a), board.known(a), board.draining(a), board.belowLimit(a), board.addFailure(a, 5)]).toEqual([0, false, false, true, 1]);
});

it('keeps what it holds when it grows', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false, rows: 1 });
  const first = board.allocate();
  board.setMark(first, 0, true);
  expect(board.acquire(first)).toBe(true);
  const rows = Array.from({ length: 100 }, () => board.allocate());
  expect(new Set([first, ...rows]).size).toBe(101);
  expect([board.marks(first), board.inFlight(first)]).toEqual([1, 1]);
  for (const row of rows) expect([board.marks(row), board.inFlight(row), board.belowLimit(row)]).toEqual([0, 0, true]);
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
  expect([board.marks(next), board.inFlight(next), board.addFailure(next, 0)]).toEqual([0, 0, 1]);
});

it('takes no limit for as many as there may be, and a limit of any size', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const row = board.allocate();
  board.setLimit(row, Infinity);
  expect(board.acquire(row)).toBe(true);
  board.setLimit(row, 1e12);
  expect([board.belowLimit(row), board.acquire(row)]).toEqual([true, true]);
});

it('never holds more than the limit, and a lowered limit only stops new ones', () => {
  const step = fc.oneof(fc.constant('acquire' as const), fc.constant('giveBack' as const), fc.integer({ min: 1, max: 5 }));
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const board = Scoreboard.create({ workers: 0, isShared: false });
    const row = board.allocate();
    let limit = 3;
    let held = 0;
    board.setLimit(row, limit);
    for (const each of steps) {
      if (each === 'acquire') {
        expect(board.belowLimit(row)).toBe(held < limit);
        expect(board.acquire(row)).toBe(held < limit);
        if (held < limit) held++;
      } else if (each === 'giveBack') {
        if (held === 0) continue;
        board.giveBack(row);
        held--;
      } else {
        board.setLimit(row, (limit = each));
      }
      expect(board.inFlight(row)).toBe(held);
    }
  }));
});

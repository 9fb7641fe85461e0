/** A real thread on the scoreboard: what threads.ts starts. It works in bursts, on command, and says what it saw. */
import { parentPort } from 'node:worker_threads';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { ARRIVED, COUNT_STEP, ENDED, NEWEST_ROW, PROGRESS, type Report, type Shared, type Task } from './thread-tasks.ts';

let shared: Shared;
let board: Scoreboard;

parentPort!.on('message', (message: Shared | Task) => {
  if ('memory' in message) {
    shared = message;
    return;
  }
  board = Scoreboard.attach(shared.memory, message.block);
  for (const row of message.rows) board.ensure(row);
  const report: Report = { granted: [], overshoots: 0, counts: [], lostMarks: 0 };
  if (message.kind === 'rush') rush(message, report);
  else if (message.kind === 'count') count(message, report);
  else churn(message);
  Atomics.add(shared.control, ENDED, 1);
  parentPort!.postMessage(report);
});

/** All threads at once want more than there is; then they come and go; at the end nobody has anything. */
function rush({ rows, units, operations, seed, threads }: Extract<Task, { kind: 'rush' }>, report: Report): void {
  const held = rows.map(() => 0);
  meet(threads);
  for (let unit = 0; unit < units; unit++) rows.forEach((row, i) => void (enter(row, report) && held[i]!++));
  report.granted = [...held];
  // Before everybody has had its share, nobody gives anything back.
  meet(threads);
  const random = randomFrom(seed);
  for (let done = 0; done < operations; done++) {
    const i = random() % rows.length;
    if (held[i]! > 0 && random() % 2 === 0) {
      leave(rows[i]!);
      held[i]!--;
    } else if (held[i]! < units && enter(rows[i]!, report)) {
      held[i]!++;
    }
  }
  rows.forEach((row, i) => {
    for (; held[i]! > 0; held[i]!--) leave(row);
  });
}

function enter(row: number, report: Report): boolean {
  const isIn = board.acquire(row);
  if (board.inFlight(row) > board.limit(row)) report.overshoots++;
  if (!isIn) return false;
  const inside = Atomics.add(shared.inside, row, 1) + 1;
  for (let peak = Atomics.load(shared.peaks, row); inside > peak; peak = Atomics.load(shared.peaks, row)) Atomics.compareExchange(shared.peaks, row, peak, inside);
  return true;
}

function leave(row: number): void {
  Atomics.sub(shared.inside, row, 1);
  board.giveBack(row);
}

/** Counts in all rows that there are, while there are more and more. */
function count({ rows, operations, lastRow, threads }: Extract<Task, { kind: 'count' }>, report: Report): void {
  const { control } = shared;
  let newest = rows.at(-1)!;
  report.counts = rows.map(() => 0);
  meet(threads);
  for (let row = 0, left = operations; left > 0; row = row === newest ? 0 : row + 1) {
    board.counters()[board.counterOffset(row)]! += COUNT_STEP;
    board.addFailure(row, 0);
    // Nobody else changes this bit.
    const isMarked = ((board.marks(row) >> board.block) & 1) === 1;
    if (isMarked !== (report.counts[row]! % 2 === 1)) report.lostMarks++;
    board.setMark(row, board.block, !isMarked);
    report.counts[row]!++;
    if (newest === lastRow) left--;
    else if (Atomics.load(control, NEWEST_ROW) > newest) {
      newest = Atomics.load(control, NEWEST_ROW);
      board.ensure(newest);
      while (report.counts.length <= newest) report.counts.push(0);
      step(control, PROGRESS + board.block);
    }
  }
}

/** Takes and gives back as fast as it can, until somebody ends the thread. */
function churn({ rows, units, seed }: Extract<Task, { kind: 'churn' }>): void {
  const random = randomFrom(seed);
  const held = rows.map(() => 0);
  for (let done = 0; ; done++) {
    const i = random() % rows.length;
    if (held[i]! < units && random() % 2 === 0) {
      if (board.acquire(rows[i]!)) held[i]!++;
    } else if (held[i]! > 0) {
      board.giveBack(rows[i]!);
      held[i]!--;
    }
    if (done % 64 === 0) step(shared.control, PROGRESS + board.block);
  }
}

function step(cells: Int32Array, cell: number): void {
  Atomics.add(cells, cell, 1);
  Atomics.notify(cells, cell);
}

/** Waits until all threads are here: the more at once, the better the test. */
function meet(threads: number): void {
  const { control } = shared;
  const mine = Atomics.add(control, ARRIVED, 1) + 1;
  const last = Math.ceil(mine / threads) * threads;
  Atomics.notify(control, ARRIVED);
  for (let here = mine; here < last; here = Atomics.load(control, ARRIVED)) Atomics.wait(control, ARRIVED, here);
}

/** Marsaglia's xorshift: positive integers, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}

/** What tests tell the threads of board-thread.ts, and what those say. */
import type { ScoreboardMemory } from '../../core/src/board/scoreboard.ts';

/** Cells of `Shared.control`. */
export const ARRIVED = 0;
export const NEWEST_ROW = 1;
export const ENDED = 2;
/** One for each block, from here on. */
export const PROGRESS = 3;
/** A sum of these that was read half-written is no multiple of it: both halves of the number change at each step. */
export const COUNT_STEP = 2 ** 32 + 1;

/** What tests and threads share beside the board, and what proves what the board says. */
export interface Shared {
  readonly memory: ScoreboardMemory;
  readonly control: Int32Array;
  /** By row: threads' units that are inside now, and the most there ever were. */
  readonly inside: Int32Array;
  readonly peaks: Int32Array;
}

export type Task = { block: number; threads: number; seed: number; rows: number[] } & (
  | { kind: 'rush'; /** Units that it wants of each row. */ units: number; operations: number }
  | { kind: 'count'; operations: number; /** It counts until this row is there, and then `operations` times more. */ lastRow: number }
  | { kind: 'churn'; units: number }
);

export interface Report {
  /** Units got in the rush, by row. */
  granted: number[];
  /** Times that the total was seen above the limit. */
  overshoots: number;
  /** Counts by row. */
  counts: number[];
  /** Times that a mark was not as this thread, and nobody else, had set it. */
  lostMarks: number;
}

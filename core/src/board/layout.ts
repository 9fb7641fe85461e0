/**
 * Where each number of the scoreboard lies. A header with a part per block, then rows, all of one size. A row = what all threads share of it,
 * then a part per block. Block 0 is the main thread's, block w worker w's: a thread writes counters in its own part alone.
 */
import { LIMIT_NAMES } from '../limits.ts';
import { BACKEND_CELLS } from '../metrics/backend-cells.ts';
import { POOL_CELLS } from '../metrics/pool-cells.ts';
import { ROUTE_CELLS } from '../metrics/route-cells.ts';

/**
 * Processors fetch cache lines of 64 bytes, Intel's in pairs: what threads write at the same time lies at least that far apart, or each
 * would take the line from the other at every count.
 */
export const LINE_BYTES = 64;
const LINE_PAIR_BYTES = 128;

/** Bits of the mark word, and streaks of a row: health sources that one backend may have. */
export const MAX_SOURCES = 24;
/** A row takes 256 bytes, and 512 more for each thread: the reservation holds 8,000 rows with this many. */
export const MAX_WORKERS = 256;

/** Counters of a row: those of a backend, of a listener and route, of a pool, or of a listener's limits. */
export const COUNTERS = Math.max(BACKEND_CELLS, ROUTE_CELLS, POOL_CELLS, LIMIT_NAMES.length);

/** A block's part of the header; its cells are named in thread-gauges.ts. */
export const HEADER_BYTES = LINE_PAIR_BYTES;
/** What all threads share of a row; its cells are named in scoreboard.ts. */
export const SHARED_BYTES = 2 * LINE_PAIR_BYTES;

/** A block's part of a row: its own in-flight in the first four bytes, then from the eighth on the counters. */
export const BLOCK_BYTES = Math.ceil((8 + 8 * COUNTERS) / LINE_BYTES) * LINE_BYTES;

export function rowBytesOf(blocks: number): number {
  return SHARED_BYTES + blocks * BLOCK_BYTES;
}

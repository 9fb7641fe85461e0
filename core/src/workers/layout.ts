/**
 * Where each number of the scoreboard lies. A header with a part per block, then rows, all of one size. A row = what all threads share of it,
 * then a part per block. Block 0 is the main thread's, block w worker w's: a thread writes counters in its own part alone.
 */
import { BACKEND_CELLS } from '../metrics/backend-cells.ts';
import { POOL_CELLS } from '../metrics/pool-cells.ts';
import { ROUTE_CELLS } from '../metrics/route-cells.ts';

/**
 * Processors fetch cache lines of 64 bytes, Intel's in pairs: what threads write at the same time lies at least that far apart, or each
 * would take the line from the other at every count.
 */
const LINE_BYTES = 64;
const LINE_PAIR_BYTES = 128;

/** Bits of the mark word, and streaks of a row: health sources that one backend may have. */
export const MAX_SOURCES = 24;
/** A row takes 256 bytes, and 512 more for each thread: the reservation holds 8,000 rows with this many. */
export const MAX_WORKERS = 256;

/** Counters of a row: those of a backend, of a listener and route, or of a pool. */
export const COUNTERS = Math.max(BACKEND_CELLS, ROUTE_CELLS, POOL_CELLS);

// The header's part of a block. Float64: leases are counted for as long as the process lives.
export const HEADER_BYTES = LINE_PAIR_BYTES;
export const LEASES_OPENED = 0;
export const LEASES_CLOSED = 1;
export const CLIENT_CONNECTIONS = 2;
export const UPSTREAM_CONNECTIONS = 3;
export const DEADLINES = 4;
/** Int32. */
export const BEATS = 10;

// The shared part of a row, in Int32 cells but where it says otherwise. The first line is read for each pick and hardly ever written.
export const MARKS = 0;
export const KNOWN = 1;
export const DRAINING = 2;
/** Float64 cell of the row: two of Int32. */
export const UP_SINCE = 2;
// The second is written for each lease by every thread.
export const IN_FLIGHT = LINE_BYTES / 4;
export const LIMIT = IN_FLIGHT + 1;
// The third and fourth are read for each success and written for each failure.
export const STREAKS = LINE_PAIR_BYTES / 4;
export const SHARED_BYTES = 2 * LINE_PAIR_BYTES;

/** A block's part of a row: its own in-flight in the first four bytes, then from the eighth on the counters. */
export const BLOCK_BYTES = Math.ceil((8 + 8 * COUNTERS) / LINE_BYTES) * LINE_BYTES;

/** The limit of a row without one, and the highest there is. */
export const NO_LIMIT = 0x7fffffff;

/** Fixed bounds for every latency of the core: histograms of all workers and backends add up cell by cell. */

/**
 * Seconds. From a cached answer on the same machine (0.1 ms) to a client's patience (60 s), 1-2.5-5 to a decade: a quantile
 * read from it is wrong by a factor of 2.5 at most.
 */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Index of the first bound that is not below the value; `bounds.length` = above all (NaN too). */
export function bucketOf(bounds: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= bounds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Cells of a histogram over these bounds: a bucket for each, one above the last, and the sum. */
const HISTOGRAM_SUM = LATENCY_BOUNDS_SECONDS.length + 1;
export const HISTOGRAM_CELLS = HISTOGRAM_SUM + 1;
/** Milliseconds, as they are measured; shown in seconds. */
const BOUNDS_MS = Float64Array.from(LATENCY_BOUNDS_SECONDS, (seconds) => seconds * 1_000);

/** One more value, in a histogram whose cells begin at `start`. */
export function observe(cells: Float64Array, start: number, ms: number): void {
  cells[start + bucketOf(BOUNDS_MS, ms)]!++;
  cells[start + HISTOGRAM_SUM]! += ms / 1_000;
}

/** The sample of a histogram whose cells begin at `start`: counts become cumulative. */
export function histogramSample(cells: Float64Array, start: number, bounds: number): { counts: number[]; count: number; sum: number } {
  const counts: number[] = [];
  let count = 0;
  for (let i = 0; i < bounds; i++) counts.push((count += cells[start + i]!));
  return { counts, count: count + cells[start + bounds]!, sum: cells[start + bounds + 1]! };
}

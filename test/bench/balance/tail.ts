/** The latencies that are told. */
export interface Tail {
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
}

/** NaN of no latencies. */
export function tailOf(latenciesMs: readonly number[]): Tail {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}

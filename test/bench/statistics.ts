/** Medians and how sure they are. */

/** Enough that the ends of the interval do not move in the third digit. */
const RESAMPLES = 10_000;

export interface Estimate {
  median: number;
  /** The bootstrap 95 % interval of the median. */
  low: number;
  high: number;
  /** The extremes of the values themselves. */
  min: number;
  max: number;
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Nearest rank. @param share above 0, at most 1 @returns `undefined` of no values */
export function percentile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];
}

/**
 * Percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13): the median of as many values drawn with replacement,
 * many times; 95 % of these medians lie in the interval. The same values and chance give the same interval.
 */
export function estimate(values: readonly number[], random: () => number): Estimate {
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(() => values[Math.floor(random() * values.length)]!)));
  medians.sort((a, b) => a - b);
  return { median: median(values), low: medians[Math.floor(RESAMPLES * 0.025)]!, high: medians[Math.ceil(RESAMPLES * 0.975) - 1]!, min: Math.min(...values), max: Math.max(...values) };
}

/** Seeded chance, so that a report can be computed again from its samples: the mulberry32 recurrence, public domain. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher-Yates. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

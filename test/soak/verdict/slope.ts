/** How fast something grows, and how sure that is. */

export interface Slope {
  /** Theil-Sen: the median of the slopes between all pairs of points; a third of them may be off without moving it far. Per unit of x. */
  median: number;
  /** The 95 % interval by Sen (JASA 63, 1968), from the variance of Kendall's tau; the points are taken as independent. */
  low: number;
  high: number;
  points: number;
}

/** The quantile of the normal distribution for 95 %. */
const Z = 1.96;
/** Below it the interval has no ends. */
export const FEWEST_POINTS = 6;

/** @param points with different x @returns `undefined` of fewer than six points */
export function slopeOf(points: readonly { x: number; y: number }[]): Slope | undefined {
  const count = points.length;
  if (count < FEWEST_POINTS) return undefined;
  const slopes: number[] = [];
  points.forEach((a, i) => {
    for (const b of points.slice(i + 1)) slopes.push((b.y - a.y) / (b.x - a.x));
  });
  slopes.sort((a, b) => a - b);
  const half = (Z * Math.sqrt((count * (count - 1) * (2 * count + 5)) / 18)) / 2;
  const at = (rank: number): number => slopes[Math.max(0, Math.min(slopes.length - 1, Math.round(rank)))]!;
  const middle = slopes.length / 2;
  const median = slopes.length % 2 === 1 ? slopes[Math.floor(middle)]! : (slopes[middle - 1]! + slopes[middle]!) / 2;
  return { median, low: at(middle - half - 1), high: at(middle + half), points: count };
}

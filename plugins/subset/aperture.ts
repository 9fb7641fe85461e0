/**
 * Deterministic aperture, as in Finagle: all balancers stand evenly on a ring of all backends, and each sees the arc from its own place on. The width is a
 * whole multiple of the distance between balancers, so that every point of the ring is seen by equally many: no backend gets more than its share.
 */

export interface ApertureRules {
  /** This balancer's place among all of them, 0 to `balancers` - 1. */
  readonly index: number;
  readonly balancers: number;
  /** Backends that each sees at least. */
  readonly size: number;
}

/** The share of each backend that is seen, 0 to 1; `weights` are the lengths of their arcs, in the order of the ring. */
export function coverage(weights: readonly number[], { index, balancers, size }: ApertureRules): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const step = 1 / balancers;
  const wanted = size / Math.max(1, weights.length);
  // A little less, so that 0.3 / 0.1 is no 4.
  const width = Math.min(1, Math.ceil(wanted / step - 1e-9) * step);
  const begin = (index % balancers) * step;
  let at = 0;
  return weights.map((weight) => {
    const from = at / total;
    at += weight;
    const to = at / total;
    // The arc may pass the end of the ring and go on at its beginning.
    const seen = overlap(from, to, begin, begin + width) + overlap(from, to, begin - 1, begin - 1 + width);
    return Math.min(1, seen / (to - from));
  });
}

function overlap(from: number, to: number, begin: number, end: number): number {
  return Math.max(0, Math.min(to, end) - Math.max(from, begin));
}

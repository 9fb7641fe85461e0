/** Two different backends by chance, and the one with the smaller in-flight / weight. */
import type { Backend, PoolView } from '@steelyard/sdk';

/** Draws before it looks at all of them: enough unless nearly everybody is unavailable. */
const DRAWS = 8;

/** @param below a whole number by chance, uniform over 0 to `count` - 1: V8 puts a fraction that a function returns on the heap */
export function twoChoices(backends: readonly Backend[], weights: Float64Array, pool: PoolView, below: (count: number) => number): Backend | undefined {
  const count = backends.length;
  let first = -1;
  for (let draw = 0; draw < DRAWS && count > 0; draw++) {
    const index = below(count);
    if (index === first || !pool.isAvailable(backends[index]!)) continue;
    if (first >= 0) return backends[lighter(first, index, backends, weights)];
    first = index;
  }
  return leastLoaded(backends, weights, pool);
}

function lighter(one: number, two: number, backends: readonly Backend[], weights: Float64Array): number {
  return backends[two]!.inFlight * weights[one]! < backends[one]!.inFlight * weights[two]! ? two : one;
}

function leastLoaded(backends: readonly Backend[], weights: Float64Array, pool: PoolView): Backend | undefined {
  let best = -1;
  for (let index = 0; index < backends.length; index++) {
    if (pool.isAvailable(backends[index]!)) best = best < 0 ? index : lighter(best, index, backends, weights);
  }
  return backends[best];
}

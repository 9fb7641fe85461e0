import type { StrategyUse } from '@steelyard/sdk';
import { measurePicks } from '@steelyard/sdk/testkit';

/** V8 boxes a fractional number that a function returns where it could not inline the call: `host.random()` may cost this. */
export const BOXED_NUMBER_BYTES = 16;

/**
 * Bytes that a pick among ten allocates, once the code is compiled: the compiler works beside us and may be late on a busy machine,
 * so the least of some measurements counts. 0 where the runtime does not count bytes (before Node 26).
 */
export function bytesPerPick(use: StrategyUse, most: number): number {
  let least = Infinity;
  for (let round = 0; round < 10 && least > most; round++) least = Math.min(least, measurePicks(use, 10).bytesPerPick ?? 0);
  return least;
}

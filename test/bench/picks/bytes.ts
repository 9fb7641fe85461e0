/** What picks put on the heap. */
import { getHeapStatistics } from 'node:v8';

/** V8 boxes a fractional number that a function returns where it did not inline the call, which it decides anew in each process: `host.random()` may cost this. */
export const BOXED_NUMBER_BYTES = 16;
/** What is less per pick than the smallest object is the runtime's own. */
const SMALLEST_OBJECT_BYTES = 16;

/**
 * Bytes per call: the least of some rounds, as in the others the compiler was at work.
 * @param isEnough ends the rounds before the last one
 */
export function bytesOf(run: (count: number) => void, count: number, rounds: number, isEnough = 0): number {
  let least = Infinity;
  for (let round = 0; round < rounds && least > isEnough; round++) {
    const before = allocated();
    run(count);
    const perCall = (allocated() - before) / count;
    least = Math.min(least, Math.floor(perCall / SMALLEST_OBJECT_BYTES) * SMALLEST_OBJECT_BYTES);
  }
  return least;
}

function allocated(): number {
  const statistics: { total_allocated_bytes?: number } = getHeapStatistics();
  return statistics.total_allocated_bytes ?? 0;
}

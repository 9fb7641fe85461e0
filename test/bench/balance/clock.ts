/** One clock for all processes of the machine: CLOCK_MONOTONIC, which `performance.now()` counts too, but from each process's own beginning. */

const BEGAN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds, with fractions. */
export function monotonicMs(): number {
  return BEGAN_MS + performance.now();
}

/** `performance.now()` begins anew in each thread; the clock under it is one for the process. */

/** What to take off the process's clock to get this thread's `performance.now()`. Milliseconds. */
export function clockOffsetMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}

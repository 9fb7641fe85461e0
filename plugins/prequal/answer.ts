/** What a backend says of its load in a header: `rif=12, latency-ms=3.5`. */
import type { LoadAnswer } from './probe-pool.ts';

const LINE = /^\s*rif=(\d{1,9}(?:\.\d+)?)\s*,\s*latency-ms=(\d{1,9}(?:\.\d+)?)\s*$/;

/** `undefined` = it says nothing that can be used. */
export function parseAnswer(value: string | undefined): LoadAnswer | undefined {
  const found = value === undefined ? null : LINE.exec(value);
  return found === null ? undefined : { rif: Number(found[1]), latencyMs: Number(found[2]) };
}

/** Memory of a process and its children. */
import { readFileSync } from 'node:fs';
import { treeOf } from './cpu-time.ts';

const BYTES_PER_KB = 1_024;

/** Pss, not Rss: a page that several processes share is counted once in all. See proc(5), smaps_rollup. @throws when the process is gone */
export function residentBytesOf(rootPid: number): number {
  let sum = 0;
  for (const pid of treeOf(rootPid)) {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    if (kilobytes === undefined) throw new Error(`/proc/${pid}/smaps_rollup has no Pss`);
    sum += Number(kilobytes) * BYTES_PER_KB;
  }
  return sum;
}

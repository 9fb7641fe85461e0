/** One thread of the fuzzer: takes every n-th case until its time is over or a difference shows. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { type Kind, caseOf, checkCase } from './cases.ts';
import type { Difference, Input } from './meaning.ts';
import { shrink } from './shrink.ts';
import { Tally } from './tally.ts';

export interface Task {
  seed: number;
  kinds: Kind[];
  /** The first case of this thread, and how many lie between two of them. */
  first: number;
  step: number;
  millis: number;
  /** Cells: cases done; the number of the case under way. For the main thread, which sees by them that one hangs. */
  progress: Int32Array;
}
export interface Report {
  cases: number;
  bytes: number;
  tally: [string, number][];
  /** Heap and buffers at the end, less those after the first cases. */
  grownBytes: number;
  found: Found | undefined;
}
export interface Found {
  kind: Kind;
  number: number;
  difference: Difference;
  input: Input;
}

/** By then every path has been taken often, and all that is kept and used again is there. */
const WARM_UP_CASES = 30_000;
/** What is kept must not grow with the number of messages: the rest is noise of the engine (compiled code, feedback). */
const MOST_GROWTH_BYTES = 24 * 1024 * 1024;
/** A case takes a tenth of a millisecond; one that takes a thousand times as long three times in a row is no accident. */
const SLOW_MS = 250;
const CLOCK_EVERY_CASES = 64;

export function fuzz(task: Task): Report {
  const { seed, kinds, first, step, progress } = task;
  const tally = new Tally();
  const until = performance.now() + task.millis;
  const report: Report = { cases: 0, bytes: 0, tally: [], grownBytes: 0, found: undefined };
  let warmBytes = 0;
  for (let index = first; !report.found; index += step) {
    if (report.cases % CLOCK_EVERY_CASES === 0 && performance.now() >= until) break;
    const kind = kinds[index % kinds.length]!;
    const number = Math.floor(index / kinds.length);
    progress[1] = index;
    const made = caseOf(kind, seed, number);
    const difference = timed(() => checkCase(made, tally));
    report.cases += 1;
    report.bytes += made.input.text.length;
    progress[0] = report.cases;
    if (difference !== undefined) report.found = { kind, number, ...shrink(made.input, difference) };
    if (report.cases === WARM_UP_CASES) warmBytes = settledBytes();
  }
  if (warmBytes > 0) report.grownBytes = settledBytes() - warmBytes;
  if (!report.found && report.grownBytes > MOST_GROWTH_BYTES) {
    const input: Input = { side: 'request', text: '', methods: [], checkSeed: 0 };
    report.found = { kind: kinds[0]!, number: report.cases, difference: `memory grew: by ${report.grownBytes} bytes over ${report.cases} cases`, input };
  }
  report.tally = [...tally.counts];
  return report;
}

function timed(check: () => Difference | undefined): Difference | undefined {
  let fastest = Infinity;
  for (let tries = 0; tries < 3; tries++) {
    const start = performance.now();
    const difference = check();
    fastest = Math.min(fastest, performance.now() - start);
    if (difference !== undefined || fastest < SLOW_MS) return difference;
  }
  return `too slow: ${Math.round(fastest)} ms`;
}

/** What is still held after everything else was thrown away. */
function settledBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (parentPort) parentPort.postMessage(fuzz(workerData as Task));

/**
 * CPU time of a process, all its threads and all its children, from the kernel's own books: nothing is sampled.
 * `schedstat` counts nanoseconds on a core per thread; `stat` has user and system apart, in ticks of 10 ms. See proc(5).
 */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: 100 on every Linux architecture that Node runs on, whatever the kernel's own tick is. */
const NS_PER_TICK = 10_000_000;
/** `stat` rounds user and system down, one tick each: only more than that can be the time of threads that have ended. */
const ROUNDING_TICKS = 2;

export interface CpuTime {
  /** On a core, user and system together. Nanoseconds since the processes began. */
  totalNs: number;
  /** The two parts. The kernel splits by ticks, so differences over less than a second say little. */
  userNs: number;
  systemNs: number;
  /** Whose time it is: two readings can be compared only when these are the same. */
  pids: number[];
}

/** @throws when the process is gone */
export function cpuTimeOf(rootPid: number): CpuTime {
  const sum: CpuTime = { totalNs: 0, userNs: 0, systemNs: 0, pids: treeOf(rootPid) };
  for (const pid of sum.pids) {
    const { userTicks, systemTicks } = statOf(pid);
    const byTicksNs = (userTicks + systemTicks) * NS_PER_TICK;
    const byRunsNs = nsOnCore(pid);
    // A thread that has ended took its schedstat with it; the process's stat keeps its ticks.
    sum.totalNs += byTicksNs - byRunsNs > ROUNDING_TICKS * NS_PER_TICK ? byTicksNs : byRunsNs;
    sum.userNs += userTicks * NS_PER_TICK;
    sum.systemNs += systemTicks * NS_PER_TICK;
  }
  return sum;
}

/** What passed between two readings. @throws when a process came or went: its time would be missing, or be counted whole. */
export function cpuTimeBetween(before: CpuTime, after: CpuTime): { totalNs: number; userNs: number; systemNs: number } {
  if (before.pids.join() !== after.pids.join()) throw new Error(`processes came or went while they were measured: ${before.pids.join()} before, ${after.pids.join()} after`);
  return { totalNs: after.totalNs - before.totalNs, userNs: after.userNs - before.userNs, systemNs: after.systemNs - before.systemNs };
}

/** How long a core has worked, for whomever. Nanoseconds since boot, in steps of 10 ms. */
export function busyNsOfCore(core: number): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n').find((one) => one.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`/proc/stat has no core ${core}`);
  const [user, nice, system, , , irq, softIrq, steal] = line.split(' ').slice(1).map(Number);
  return (user! + nice! + system! + irq! + softIrq! + steal!) * NS_PER_TICK;
}

/** The process and all that descend from it, in ascending order. */
export function treeOf(rootPid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      parents.set(pid, statOf(pid).parentPid);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  const tree = new Set([rootPid]);
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const [pid, parentPid] of parents) if (tree.has(parentPid)) tree.add(pid);
  }
  return [...tree].sort((a, b) => a - b);
}

function statOf(pid: number): { parentPid: number; userTicks: number; systemTicks: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses and may hold spaces: count from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parentPid: Number(fields[1]), userTicks: Number(fields[11]), systemTicks: Number(fields[12]) };
}

/** 0 where the kernel was built without it. */
function nsOnCore(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
    } catch {
      // The thread has ended, or there is no such file: `stat` stands in.
    }
  }
  return sum;
}

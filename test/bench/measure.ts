/** The rounds: in each, every proxy carries the same load for the same time, one after the other, in random order. */
import type { Running } from './peers.ts';
import { busyNsOfCore, cpuTimeBetween, cpuTimeOf } from './rig/cpu-time.ts';
import type { LoadTools, Scenario } from './scenarios.ts';
import { shuffled } from './statistics.ts';

/** V8 compiles the last of what is hot only after some ten thousand requests; http-proxy-3 takes longest to get there. */
const WARM_UP_SECONDS = 4;

export interface Sample {
  round: number;
  name: string;
  requests: number;
  failures: number;
  perSecond: number;
  p50Us: number;
  p99Us: number;
  /** Of the proxy, all threads and children, divided by the requests. */
  cpuUs: number;
  userUs: number;
  systemUs: number;
  /** What the proxy took of one core while the load ran: 1 = it was the limit. */
  busy: number;
  /** What others took of the proxy's core meanwhile; above a few hundredths the machine was not quiet. Undefined without pinning. */
  others: number | undefined;
}

export interface Rounds {
  scenario: Scenario;
  proxies: ReadonlyMap<string, Running>;
  tools: LoadTools;
  /** The proxies' core. */
  core: number;
  rounds: number;
  seconds: number;
  random: () => number;
  onSample: (sample: Sample) => void;
}

export async function measure(plan: Rounds): Promise<Sample[]> {
  const names = [...plan.proxies.keys()];
  // Not counted: code is compiled, connections are opened, pools are filled.
  for (const name of names) await measureOne({ ...plan, seconds: Math.max(plan.seconds, WARM_UP_SECONDS) }, name, 0);
  const samples: Sample[] = [];
  for (let round = 1; round <= plan.rounds; round++) {
    for (const name of shuffled(names, plan.random)) {
      const sample = await measureOne(plan, name, round);
      samples.push(sample);
      plan.onSample(sample);
    }
  }
  return samples;
}

async function measureOne({ scenario, proxies, tools, core, seconds }: Rounds, name: string, round: number): Promise<Sample> {
  const { pid, port } = proxies.get(name)!;
  const isPinned = tools.rig.isPinning;
  const startedAt = performance.now();
  const busyBefore = isPinned ? busyNsOfCore(core) : 0;
  const before = cpuTimeOf(pid);
  const load = await scenario.load(tools, port, seconds);
  const used = cpuTimeBetween(before, cpuTimeOf(pid));
  const busyNs = isPinned ? busyNsOfCore(core) - busyBefore : 0;
  const elapsedNs = (performance.now() - startedAt) * 1e6;
  if (load.requests === 0) throw new Error(`${name} answered no request in ${seconds} s`);
  const perRequestUs = 1 / load.requests / 1e3;
  const parts = used.userNs + used.systemNs;
  return {
    round, name, requests: load.requests, failures: load.failures, perSecond: load.requests / load.seconds, p50Us: load.p50Us, p99Us: load.p99Us,
    cpuUs: used.totalNs * perRequestUs,
    // The kernel's ticks say how the time is split, its run times how much it is.
    userUs: used.totalNs * perRequestUs * (used.userNs / parts),
    systemUs: used.totalNs * perRequestUs * (used.systemNs / parts),
    busy: used.totalNs / elapsedNs,
    others: isPinned ? Math.max(0, busyNs - used.totalNs) / elapsedNs : undefined,
  };
}

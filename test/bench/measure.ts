/** The rounds: in each, every contender carries the same load for the same time, one after the other, in random order. */
import type { Running } from './contenders.ts';
import { busyNsOfCore, cpuTimeBetween, cpuTimeOf } from './rig/cpu-time.ts';
import type { Load, Scenario, Workbench } from './scenarios.ts';
import { shuffled } from './statistics.ts';

/** V8 compiles the last of what is hot only after some ten thousand requests; http-proxy-3 takes longest to get there. */
const WARM_UP_SECONDS = 4;

export interface Sample {
  round: number;
  name: string;
  /** In the unit of the scenario's metric. */
  cost: number;
  requests: number;
  bytes: number;
  failures: number;
  /** Which, in the load generator's words. */
  complaint?: string;
  perSecond: number;
  p50Us: number | undefined;
  p99Us: number | undefined;
  /** Of an open loop: how late requests were sent, at the 99th percentile. Near the latencies, it was the generator that was measured. */
  sentLateP99Us?: number;
  /** Of the proxy while the load ran, all threads and children. Nanoseconds. */
  cpuNs: number;
  /** The share of it in user mode. The kernel splits by ticks, so of one sample it is rough. */
  userShare: number;
  /** What the proxy took of one core while the load ran: 1 = it was the limit. */
  busy: number;
  /** What others took of the proxy's core meanwhile; above a few hundredths the machine was not quiet. Undefined without pinning. */
  others: number | undefined;
}

export interface Rounds {
  scenario: Scenario;
  proxies: Map<string, Running>;
  bench: Workbench;
  /** The proxies' core; `undefined` = they have none of their own. */
  core: number | undefined;
  rounds: number;
  seconds: number;
  random: () => number;
  /** Ends the process of a contender and starts another. */
  restart: (name: string) => Promise<Running>;
  onSample: (sample: Sample) => void;
  /** One that cannot be measured any more takes no part from then on, and its samples go. */
  onDropped: (name: string, reason: string) => Promise<void>;
}

/** @throws when the first of the contenders cannot be measured: nothing is left to compare with */
export async function measure(plan: Rounds): Promise<{ samples: Sample[]; perSecond: number | undefined }> {
  const { scenario, proxies, bench } = plan;
  const [subject] = proxies.keys();
  const isFresh = scenario.isFresh === true;
  const perSecond = await scenario.calibrate?.(bench, proxies);
  const samples: Sample[] = [];
  // Round 0 is not counted: code is compiled, connections are opened, pools are filled.
  for (let round = isFresh ? 1 : 0; round <= plan.rounds; round++) {
    for (const name of shuffled([...proxies.keys()], plan.random)) {
      try {
        if (isFresh) proxies.set(name, await plan.restart(name));
        const seconds = round === 0 ? Math.max(plan.seconds, WARM_UP_SECONDS) : plan.seconds;
        const sample = await measureOne({ ...plan, seconds }, name, round, perSecond);
        if (round === 0) continue;
        samples.push(sample);
        plan.onSample(sample);
      } catch (thrown) {
        if (name === subject) throw thrown;
        await plan.onDropped(name, (thrown as Error).message);
      }
    }
  }
  return { samples: samples.filter(({ name }) => proxies.has(name)), perSecond };
}

async function measureOne({ scenario, proxies, bench, core, seconds }: Rounds, name: string, round: number, rate: number | undefined): Promise<Sample> {
  const running = proxies.get(name)!;
  const startedAt = performance.now();
  const busyBefore = core === undefined ? 0 : busyNsOfCore(core);
  const before = cpuTimeOf(running.pid);
  const load = await scenario.run(bench, running, seconds, rate ?? 0);
  const { totalNs, userNs, systemNs } = cpuTimeBetween(before, cpuTimeOf(running.pid));
  const busyNs = core === undefined ? 0 : busyNsOfCore(core) - busyBefore;
  const elapsedNs = (performance.now() - startedAt) * 1e6;
  if (load.bytes === 0) throw new Error(`${name} answered nothing in ${seconds} s`);
  return {
    round, name, cost: costOf(scenario, load, totalNs), requests: load.requests, bytes: load.bytes, failures: load.failures, perSecond: load.requests / load.seconds,
    p50Us: load.p50Us, p99Us: load.p99Us, ...(load.sentLateP99Us === undefined ? {} : { sentLateP99Us: load.sentLateP99Us }),
    ...(load.complaint === undefined ? {} : { complaint: load.complaint }), cpuNs: totalNs, userShare: userNs + systemNs === 0 ? 0 : userNs / (userNs + systemNs), busy: totalNs / elapsedNs,
    others: core === undefined ? undefined : Math.max(0, busyNs - totalNs) / elapsedNs,
  };
}

function costOf({ name, metric }: Scenario, load: Load, cpuNs: number): number {
  if (metric.ofCpuTime) return metric.ofCpuTime(cpuNs, load);
  if (load.cost === undefined) throw new Error(`the load of ${name} measures no cost`);
  return load.cost;
}

/** From samples to what is told. */
import { BARS, isMet, limitOf } from '../bars.ts';
import type { Sample } from '../measure.ts';
import type { Metric } from '../metrics.ts';
import type { Scenario } from '../scenarios.ts';
import { estimate, median, type Estimate } from '../statistics.ts';

export interface ProxySummary {
  name: string;
  /** In the unit of the scenario's metric. */
  cost: Estimate;
  /** Of a cost that is CPU time: its part in user mode; the rest is system. */
  userShare: number | undefined;
  perSecond: number;
  mibPerSecond: number;
  p50Us: number | undefined;
  p99Us: number | undefined;
  /** Of one core. */
  busy: number;
  failures: number;
  requests: number;
}

export interface Verdict {
  /** `≤ 1.15` */
  limit: string;
  /** Of the ratio to this contender; `undefined` = of the cost itself. */
  to: string | undefined;
  reached: Estimate;
  isMet: boolean;
}

export interface ScenarioSummary {
  name: string;
  title: string;
  metric: Pick<Metric, 'label' | 'title' | 'digits' | 'better'>;
  note: string;
  rounds: number;
  seconds: number;
  proxies: ProxySummary[];
  /** The first proxy's cost divided by the other's in the same round. */
  ratios: ({ peer: string } & Estimate)[];
  bars: Verdict[];
  /** Median share of the proxies' core that other programs took. */
  others: number | undefined;
  samples: Sample[];
}

export interface Measured {
  samples: Sample[];
  rounds: number;
  seconds: number;
  /** Where the load had a fixed rate. */
  perSecond: number | undefined;
}

/** @param names the subject of the ratios first, then the others in the order of the tables */
export function summarize({ name, title, metric, note }: Scenario, { samples, rounds, seconds, perSecond }: Measured, names: readonly string[], random: () => number): ScenarioSummary {
  const [ours, ...peers] = names;
  const of = (proxy: string): Sample[] => samples.filter((sample) => sample.name === proxy).sort((a, b) => a.round - b.round);
  const proxies = names.map((proxy) => summarizeProxy(proxy, of(proxy), metric, random));
  const own = of(ours!);
  const ratios = peers.map((peer) => {
    const theirs = of(peer);
    return { peer, ...estimate(own.map((sample, i) => sample.cost / theirs[i]!.cost), random) };
  });
  const bars = BARS.filter(({ scenario }) => scenario === name).flatMap((bar): Verdict[] => {
    const reached = bar.to === undefined ? proxies[0]!.cost : ratios.find(({ peer }) => peer === bar.to);
    return reached === undefined ? [] : [{ limit: limitOf(bar), to: bar.to, reached, isMet: isMet(bar, reached) }];
  });
  const others = samples.flatMap((sample) => sample.others ?? []);
  const { label, title: what, digits, better } = metric;
  const late = samples.flatMap(({ sentLateP99Us }) => sentLateP99Us ?? []);
  const remarks = [
    note?.() ?? '', perSecond === undefined ? '' : `The rate: ${perSecond.toLocaleString('en')} requests per second.`,
    late.length === 0 ? '' : `The generator was late by ${Math.round(median(late)).toLocaleString('en')} µs at the 99th percentile (median of the samples), which is in every latency.`,
  ];
  return {
    name, title, metric: { label, title: what, digits, better }, note: remarks.filter((part) => part !== '').join(' '), rounds, seconds,
    proxies, ratios, bars, others: others.length > 0 ? median(others) : undefined, samples,
  };
}

function summarizeProxy(name: string, samples: Sample[], { ofCpuTime }: Metric, random: () => number): ProxySummary {
  const middle = (value: (sample: Sample) => number): number => median(samples.map(value));
  const middleIfAny = (value: (sample: Sample) => number | undefined): number | undefined => {
    const told = samples.flatMap((sample) => value(sample) ?? []);
    return told.length > 0 ? median(told) : undefined;
  };
  const sum = (value: (sample: Sample) => number): number => samples.reduce((total, sample) => total + value(sample), 0);
  return {
    name,
    cost: estimate(samples.map(({ cost }) => cost), random),
    // The split is by ticks, so over all samples it is better than in any of them.
    userShare: ofCpuTime ? sum(({ userShare, cpuNs }) => userShare * cpuNs) / sum(({ cpuNs }) => cpuNs) : undefined,
    perSecond: middle(({ perSecond }) => perSecond),
    mibPerSecond: middle(({ bytes, requests, perSecond }) => (requests === 0 ? 0 : (bytes / requests) * perSecond) / 2 ** 20),
    p50Us: middleIfAny(({ p50Us }) => p50Us),
    p99Us: middleIfAny(({ p99Us }) => p99Us),
    busy: middle(({ busy }) => busy),
    failures: sum(({ failures }) => failures),
    requests: sum(({ requests }) => requests),
  };
}

/** From samples to what is told. */
import type { Sample } from '../measure.ts';
import type { Scenario } from '../scenarios.ts';
import { estimate, median, type Estimate } from '../statistics.ts';

export interface ProxySummary {
  name: string;
  /** Microseconds a request. */
  cpuUs: Estimate;
  userUs: number;
  systemUs: number;
  perSecond: number;
  p50Us: number;
  p99Us: number;
  /** Of its core. */
  busy: number;
  failures: number;
  requests: number;
}

export interface ScenarioSummary {
  name: string;
  title: string;
  proxies: ProxySummary[];
  /** CPU time per request, Steelyard's divided by the other's in the same round. Below 1 Steelyard is cheaper. */
  ratios: ({ peer: string } & Estimate)[];
  /** Median share of the proxies' core that other programs took. */
  others: number | undefined;
  samples: Sample[];
}

/** @param names Steelyard's first, then the others in the order of the tables */
export function summarize({ name, title }: Scenario, samples: Sample[], names: readonly string[], random: () => number): ScenarioSummary {
  const [ours, ...peers] = names;
  const of = (proxy: string): Sample[] => samples.filter((sample) => sample.name === proxy).sort((a, b) => a.round - b.round);
  const proxies = names.map((proxy) => summarizeProxy(proxy, of(proxy), random));
  const own = of(ours!);
  const ratios = peers.map((peer) => {
    const theirs = of(peer);
    return { peer, ...estimate(own.map((sample, i) => sample.cpuUs / theirs[i]!.cpuUs), random) };
  });
  const others = samples.flatMap((sample) => sample.others ?? []);
  return { name, title, proxies, ratios, others: others.length > 0 ? median(others) : undefined, samples };
}

function summarizeProxy(name: string, samples: Sample[], random: () => number): ProxySummary {
  const middle = (value: (sample: Sample) => number): number => median(samples.map(value));
  const sum = (value: (sample: Sample) => number): number => samples.reduce((total, sample) => total + value(sample), 0);
  const cpuUs = estimate(samples.map((sample) => sample.cpuUs), random);
  // The split is by ticks, so over all samples it is better than in any of them.
  const userShare = sum(({ userUs, requests }) => userUs * requests) / sum((sample) => sample.cpuUs * sample.requests);
  return {
    name,
    cpuUs,
    userUs: cpuUs.median * userShare,
    systemUs: cpuUs.median * (1 - userShare),
    perSecond: middle((sample) => sample.perSecond),
    p50Us: middle((sample) => sample.p50Us),
    p99Us: middle((sample) => sample.p99Us),
    busy: middle((sample) => sample.busy),
    failures: sum((sample) => sample.failures),
    requests: sum((sample) => sample.requests),
  };
}

/** One run: processes up, traffic and events in rounds with a quiet point behind each, samples all along, a verdict. */
import { fileURLToPath } from 'node:url';
import { Ports } from '../bench/rig/ports.ts';
import { seededRandom } from '../bench/statistics.ts';
import { commitOf, thisMachine } from '../report/machine.ts';
import { BalancerProcess } from './balancer-process.ts';
import { Events } from './events.ts';
import { OriginProcess } from './origin/origin-process.ts';
import type { Report } from './report/report.ts';
import { Sampler, type QuietSample, type TimelineSample } from './samples/sampler.ts';
import type { Order } from './samples/probe.ts';
import { Places } from './site/places.ts';
import { BAD_BACKENDS } from './traffic/bad-backends.ts';
import { BAD_CLIENTS } from './traffic/bad-clients.ts';
import { Excuses } from './traffic/excuses.ts';
import { GOOD } from './traffic/good.ts';
import { Traffic } from './traffic/traffic.ts';
import { TUNNELS } from './traffic/tunnels.ts';
import { findingsOf, growthsOf, warmUpSecondsOf } from './verdict/verdict.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

export interface SoakOptions {
  seconds: number;
  /** Of traffic between two quiet points. */
  roundSeconds: number;
  seed: number;
  workers: number;
  /** Exchanges begun per second, of all kinds. */
  rate: number;
  /** An existing folder for the run's files, which is the caller's to remove. */
  folder: string;
  nodeOptions?: readonly string[];
  /** For a run of seconds: without exchanges that take as long, and garbage is collected, and plugins counted, only at the end. Default false. */
  isBrief?: boolean;
}

const SAMPLE_MS = 2_500;
/** Else there would be nothing to compare with the base line. */
const FEWEST_ROUNDS = 2;

export async function soak(options: SoakOptions, tell: (line: string) => void): Promise<Report> {
  const { seconds, roundSeconds, seed, workers, rate, folder, isBrief = false } = options;
  // Each part draws for itself, so that what one does is the same whatever the other's timing was.
  const [forSites, forEvents, forTraffic] = [seededRandom(seed), seededRandom(seed + 1), seededRandom(seed + 2)];
  const places = await Places.find(folder, forSites, workers > 0, new Ports());
  const origins = [places.steady, ...places.mortals].map((listens) => new OriginProcess(listens));
  let balancer: BalancerProcess | undefined;
  try {
    await Promise.all(origins.map((origin) => origin.start()));
    places.writeBase();
    balancer = await BalancerProcess.start({ siteFile: places.siteFile, probePort: places.ports.probe, workers, nodeOptions: options.nodeOptions ?? [] });
    const sampler = new Sampler(balancer.pid, places.ports, workers);
    const excuses = new Excuses();
    const kinds = [...GOOD, ...BAD_CLIENTS, ...BAD_BACKENDS, ...TUNNELS].filter(({ isLong = false }) => !(isBrief && isLong));
    const traffic = new Traffic(kinds, { random: forTraffic, ports: places.ports }, excuses, rate);
    const events = new Events({ balancer, places, mortals: origins.slice(1), excuses, random: forEvents, at: () => sampler.at, workers });
    const timeline: TimelineSample[] = [];
    const quiet: QuietSample[] = [];

    const round = async (length: number): Promise<void> => {
      traffic.start();
      events.start();
      const until = sampler.at + length;
      while (sampler.at < until) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(SAMPLE_MS, (until - sampler.at) * 1e3)));
        timeline.push(await sampler.timeline({ ended: traffic.ended, fates: fatesOf(traffic) }));
      }
      await Promise.all([traffic.rest(), events.rest()]);
      await comeToRest(isBrief ? 'look' : quiet.length === 0 ? 'count' : 'collect');
    };
    let told = 0;
    const comeToRest = async (order: Order): Promise<void> => {
      for (const { at, kind, fate, why } of traffic.violations.slice(told)) tell(`        at ${at.toFixed(1)} s: ${kind}: ${fate} ${why}`);
      told = traffic.violations.length;
      const sample = await sampler.quiet(order, quiet[0]);
      quiet.push(sample);
      const ms = Math.round(sample.settledMs);
      tell(`${sample.at.toFixed(0).padStart(5)} s  ${traffic.ended} exchanges, ${traffic.violationCount} not as they must, ${events.done.length} events; heap ${mib(sample.heapBytes)} MiB, rss ${mib(sample.rssBytes)} MiB; quiet after ${ms} ms${sample.astray.length > 0 ? `: ASTRAY ${sample.astray.join(', ')}` : ''}`);
    };
    // The first round brings up what is made at its first use. What is there behind it is the base line.
    do await round(roundSeconds);
    while (sampler.at < seconds || quiet.length < FEWEST_ROUNDS);
    await comeToRest(isBrief ? 'collect' : 'count');

    const end = await balancer.stop();
    const growths = growthsOf(quiet, warmUpSecondsOf(seconds));
    const said = Object.fromEntries([...balancer.said].sort(([, a], [, b]) => b - a));
    return {
      date: new Date().toISOString(), commit: commitOf(REPOSITORY), machine: thisMachine(), node: process.version,
      options: { seconds, roundSeconds, seed, workers, rate }, warmUpSeconds: warmUpSecondsOf(seconds),
      findings: findingsOf({ quiet, growths, violations: traffic.violationCount, exchanges: traffic.ended, skipped: traffic.skipped, eventFaults: events.faults, end, said }),
      growths, violations: traffic.violations, excused: traffic.excused, events: events.done, said,
      tally: Object.fromEntries([...traffic.tally].map(([kind, fates]) => [kind, Object.fromEntries(fates)])), quiet, timeline,
    };
  } finally {
    await balancer?.stop(2_000);
    await Promise.all(origins.map((origin) => origin.kill()));
  }
}

/** Over all kinds. */
function fatesOf({ tally }: Traffic): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const fates of tally.values()) for (const [fate, count] of fates) sums[fate] = (sums[fate] ?? 0) + count;
  return sums;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

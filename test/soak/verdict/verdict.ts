/** What a run shows, as sentences that hold or do not. */
import type { QuietSample } from '../samples/sampler.ts';
import { FEWEST_POINTS, slopeOf, type Slope } from './slope.ts';

const MIB = 2 ** 20;
const SECONDS_PER_HOUR = 3_600;

/**
 * Growth that is let pass even when it is certain, MiB per hour. Heap and buffers, after all garbage was collected: what V8 learns about the code goes on
 * growing for a while. Resident memory has the allocator's and the kernel's habits in it: it comes to its height in steps, and is looked at in the run's second half.
 */
export const GROWTHS = [
  { name: 'heap', what: 'heap of all threads after a collection', key: 'heapBytes', limit: 2 },
  { name: 'external', what: 'buffers outside of the heap', key: 'externalBytes', limit: 2 },
  { name: 'rss', what: 'resident memory', key: 'rssBytes', limit: 24 },
] as const satisfies readonly { name: string; what: string; key: 'heapBytes' | 'externalBytes' | 'rssBytes'; limit: number }[];

export interface Growth {
  name: string;
  what: string;
  /** MiB per hour; `undefined` = the run was too short to say. */
  slope: Slope | undefined;
  /** MiB per hour. */
  limit: number;
  holds: boolean;
}

export interface Finding {
  what: string;
  holds: boolean;
  told: string;
}

/** Of the samples behind the warm-up. Fails where growth is certain (the whole interval is above 0) and above its limit. */
export function growthsOf(samples: readonly QuietSample[], warmUpSeconds: number): Growth[] {
  const steady = samples.filter(({ at }) => at >= warmUpSeconds);
  const half = (samples.at(-1)?.at ?? 0) / 2;
  const late = steady.filter(({ at }) => at >= half);
  return GROWTHS.map(({ name, what, key, limit }) => {
    const slope = slopeOf((key === 'rssBytes' ? late : steady).map((sample) => ({ x: sample.at / SECONDS_PER_HOUR, y: sample[key] / MIB })));
    return { name, what, limit, slope, holds: !slope || !(slope.low > 0 && slope.median > limit) };
  });
}

/** At least a minute and at most five: caches fill, code is compiled, pools come to their size. */
export function warmUpSecondsOf(seconds: number): number {
  return Math.min(300, Math.max(60, seconds / 5));
}

export function tellGrowth({ what, slope, limit }: Growth): string {
  if (!slope) return `${what}: too short a run to say (${FEWEST_POINTS} quiet points behind the warm-up are needed)`;
  const number = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
  return `${number(slope.median)} MiB/h, 95 % interval ${number(slope.low)} to ${number(slope.high)}, of ${slope.points} quiet points; it fails when all of the interval is above 0 and the middle above ${limit}`;
}

export interface Observed {
  quiet: readonly QuietSample[];
  growths: readonly Growth[];
  violations: number;
  exchanges: number;
  skipped: number;
  eventFaults: readonly string[];
  /** How the process ended: `code 0`. */
  end: string;
  /** Lines of the log, by `level: text`. */
  said: Readonly<Record<string, number>>;
}

/** Errors that the soak itself brings about. */
const EXPECTED_ERRORS = [/^error: reload refused/, /^error: worker # has ended: its thread ended with code /, /^error: worker # is replaced: thrown by crash/, /^error: uncaught exception, this worker will be replaced: thrown by crash/];

export function findingsOf({ quiet, growths, violations, exchanges, skipped, eventFaults, end, said }: Observed): Finding[] {
  const later = quiet.slice(1);
  const astray = later.filter((sample) => sample.astray.length > 0);
  const last = later.at(-1);
  const odd = Object.entries(said).filter(([line]) => /^(error|fatal|broken)/.test(line) && !EXPECTED_ERRORS.some((expected) => expected.test(line)));
  return [
    { what: 'every exchange ended as it must', holds: violations === 0 && exchanges > 0, told: `${exchanges.toLocaleString('en')} exchanges, ${violations} not as they must` },
    { what: 'the rate was held', holds: skipped <= exchanges / 100, told: `${skipped} exchanges were not begun because too many were open` },
    { what: 'every reload, fault and recovery went as it must', holds: eventFaults.length === 0, told: eventFaults.length === 0 ? 'no exception' : eventFaults.slice(0, 5).join('; ') },
    {
      what: 'at every quiet point all is as at the base line: descriptors, sockets, timers, threads, leases, objects', holds: astray.length === 0 && later.length > 0,
      told: `${later.length - astray.length} of ${later.length}${astray.length > 0 ? `; first at ${Math.round(astray[0]!.at)} s: ${astray[0]!.astray.join(', ')}` : ''}`,
    },
    { what: 'so it is at the end', holds: last !== undefined && last.astray.length === 0, told: last === undefined ? 'there was no quiet point' : last.astray.join(', ') || 'to the unit' },
    ...growths.map((growth): Finding => ({ what: `${growth.name} does not grow`, holds: growth.holds, told: tellGrowth(growth) })),
    { what: 'the log has no error but those that the soak brought about', holds: odd.length === 0, told: odd.map(([line, count]) => `${count} × ${line}`).slice(0, 5).join('; ') || 'none' },
    { what: 'the process ends in order', holds: end === 'code 0', told: end },
  ];
}

import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/statistics.ts';
import type { QuietSample } from '../samples/sampler.ts';
import { slopeOf } from './slope.ts';
import { findingsOf, growthsOf, warmUpSecondsOf, type Observed } from './verdict.ts';

const MIB = 2 ** 20;
const random = seededRandom(7);
const noise = (): number => random() - 0.5;

function quietPoints(count: number, heapMib: (hours: number) => number, astray: string[] = []): QuietSample[] {
  return Array.from({ length: count }, (_, i) => ({
    at: i * 30, rssBytes: 200 * MIB, heapBytes: heapMib((i * 30) / 3_600) * MIB, externalBytes: 10 * MIB, state: { timers: 5 }, objects: {}, timers: {}, astray: i === 5 ? astray : [], settledMs: 10,
  }));
}
const observed = (quiet: QuietSample[], more: Partial<Observed> = {}): Observed => ({
  quiet, growths: growthsOf(quiet, 60), violations: 0, exchanges: 1_000, skipped: 0, eventFaults: [], end: 'code 0', said: { 'info: ready': 1, 'error: reload refused, the config of before goes on: x': 2 }, ...more,
});
const failing = (given: Observed): string[] => findingsOf(given).filter(({ holds }) => !holds).map(({ what }) => what);

describe('a slope', () => {
  it('is that of the line that the points lie on, and its interval closes around it', () => {
    expect(slopeOf(Array.from({ length: 20 }, (_, x) => ({ x, y: 3 * x + 1 })))).toEqual({ median: 3, low: 3, high: 3, points: 20 });
  });
  it('is not moved by one point that is far off', () => {
    const points = Array.from({ length: 20 }, (_, x) => ({ x, y: x === 10 ? 1_000 : 2 * x }));
    expect(slopeOf(points)!.median).toBe(2);
  });
  it('has an interval that holds the truth in about 95 of 100 cases', () => {
    let hits = 0;
    for (let run = 0; run < 1_000; run++) {
      const { low, high } = slopeOf(Array.from({ length: 25 }, (_, x) => ({ x, y: 0.5 * x + noise() * 10 })))!;
      if (low <= 0.5 && high >= 0.5) hits++;
    }
    // Four standard deviations of a binomial distribution with 1,000 draws of 0.95: 0.7 % each.
    expect(hits).toBeGreaterThan(922);
    expect(hits).toBeLessThan(978);
  });
  it('cannot be told of five points', () => {
    expect(slopeOf(Array.from({ length: 5 }, (_, x) => ({ x, y: x })))).toBeUndefined();
  });
});

describe('the verdict', () => {
  it('holds where nothing grows and all comes back', () => {
    expect(failing(observed(quietPoints(100, () => 50 + noise())))).toEqual([]);
  });
  it('fails where the heap grows for certain, and by more than is let pass', () => {
    expect(failing(observed(quietPoints(100, (hours) => 50 + 10 * hours + noise())))).toEqual(['heap does not grow']);
    expect(failing(observed(quietPoints(100, (hours) => 50 + hours + noise() / 10)))).toEqual([]);
  });
  it('looks behind the warm-up only', () => {
    expect(failing(observed(quietPoints(100, (hours) => (hours < 1 / 60 ? 5 : 50))))).toEqual([]);
    expect([60, 300, 3_600, 36_000].map(warmUpSecondsOf)).toEqual([60, 60, 300, 300]);
  });
  it('fails where one quiet point was not as the base line, though the last was', () => {
    expect(failing(observed(quietPoints(100, () => 50, ['timers: 6, at first 5'])))).toEqual(['at every quiet point all is as at the base line: descriptors, sockets, timers, threads, leases, objects']);
  });
  it('fails for an exchange that ended as it must not, a fault of an event, an odd line of the log, a bad end, and without quiet points', () => {
    const quiet = quietPoints(20, () => 50);
    expect(failing(observed(quiet, { violations: 1 }))).toHaveLength(1);
    expect(failing(observed(quiet, { eventFaults: ['x'] }))).toHaveLength(1);
    expect(failing(observed(quiet, { said: { 'error: unhandled rejection: x': 1 } }))).toHaveLength(1);
    expect(failing(observed(quiet, { end: 'SIGKILL' }))).toHaveLength(1);
    expect(failing(observed(quiet, { skipped: 11 }))).toHaveLength(1);
    expect(failing(observed(quiet.slice(0, 1)))).toHaveLength(2);
  });
});

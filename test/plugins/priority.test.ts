import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Member } from '@steelyard/sdk';
import leastConnections from '@steelyard/plugins/least-connections';
import priority from '@steelyard/plugins/priority';
import roundRobin from '@steelyard/plugins/round-robin';
import { strategyUnderTest, testStrategy, world, type FakeBackend, type World } from '@steelyard/sdk/testkit';
import { Levels } from '../../plugins/priority/levels.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(priority({ over: leastConnections() }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

/** A level for each list: `1` = healthy, `0` = not. */
function levelsOf(overprovisioning: number, ...lists: readonly number[][]): Levels {
  const levels = new Levels(overprovisioning);
  const members = lists.flatMap((list, level) => list.map((isUp) => ({ weight: 1, backend: { priority: level, health: isUp === 1 ? 'up' : 'down', draining: false } })));
  levels.setMembers(members as unknown as Member[]);
  return levels;
}
const up = (healthy: number, of: number) => Array.from({ length: of }, (_, i) => (i < healthy ? 1 : 0));
const sharesOf = (levels: Levels) => Array.from({ length: levels.count }, (_, level) => Math.round(levels.shareOf(level) * 1_000) / 1_000);

describe('levels', () => {
  // The table of Envoy's documentation of priority levels, at its factor of 1.4.
  it.each([
    [100, 100, [1, 0]], [72, 72, [1, 0]], [71, 71, [0.994, 0.006]], [50, 50, [0.7, 0.3]], [25, 100, [0.35, 0.65]], [25, 25, [0.5, 0.5]], [0, 100, [0, 1]], [0, 0, [0, 0]],
  ])('with %d %% and %d %% healthy carry %j', (first, second, expected) => {
    expect(sharesOf(levelsOf(1.4, up(first, 100), up(second, 100)))).toEqual(expected);
  });
  it('carry everything together where anybody is healthy, and none more than it is worth', () => {
    const health = fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(health, fc.double({ min: 1, max: 10, noNaN: true }), (lists, factor) => {
      const levels = levelsOf(factor, ...lists);
      const shares = lists.map((_, level) => levels.shareOf(level));
      const isAnyUp = lists.flat().includes(1);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(isAnyUp ? 1 : 0, 9);
      shares.forEach((share, level) => { if (!lists[level]!.includes(1)) expect(share).toBe(0); });
    }));
  });
  it('that have no share are never drawn while another has one', () => {
    const levels = levelsOf(1.4, up(0, 3), up(3, 3), up(3, 3));
    for (const chance of [0, 0.3, 0.999_999_999_999]) expect(levels.at(chance)).toBe(1);
  });
});

describe('priority', () => {
  const started = (over = 1): { w: World; backends: FakeBackend[]; strategy: ReturnType<typeof strategyUnderTest> } => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(priority({ over: roundRobin(), overprovisioning: over }), w);
    const backends = w.backends([{ id: 'a' }, { id: 'b' }, { id: 's', priority: 5 }, { id: 't', priority: 5 }]);
    strategy.update(backends);
    return { w, backends, strategy };
  };
  const fail = ({ w }: { w: World }, backend: FakeBackend): void => {
    backend.health = 'down';
    w.hooks.onHealthChange.call({ backend, from: 'up', to: 'down', source: 'check', reason: 'a test' });
  };
  const counts = (picked: ({ id: string } | undefined)[]) => Object.fromEntries(Object.entries(Object.groupBy(picked, (one) => one!.id)).map(([id, list]) => [id, list!.length]));

  it('stays in the first group while it is healthy', () => {
    expect(counts(started().strategy.picks(100))).toEqual({ a: 50, b: 50 });
  });
  it('lets half flow over when half of the first group is down', () => {
    const world_ = started();
    fail(world_, world_.backends[1]!);
    const picked = counts(world_.strategy.picks(2_000));
    // Hoeffding: further away with a chance below 1e-9.
    expect(Math.abs(picked['a']! - 1_000)).toBeLessThan(150);
    expect(picked['s']! + picked['t']!).toBe(2_000 - picked['a']!);
  });
  it('tolerates a loss that the overprovisioning covers', () => {
    const world_ = started(2);
    fail(world_, world_.backends[1]!);
    expect(counts(world_.strategy.picks(50))).toEqual({ a: 50 });
  });
  it('gives way, to those behind and to those before, when the drawn group has nobody for this exchange', () => {
    const { strategy, backends, w } = started();
    for (const backend of backends.slice(0, 2)) backend.maxInFlight = 0;
    expect(strategy.select()!.priority).toBe(5);
    for (const backend of backends.slice(0, 2)) backend.maxInFlight = Infinity;
    for (const backend of backends.slice(0, 2)) fail({ w }, backend);
    backends[0]!.health = 'up'; // not told yet: the share is still 0
    for (const backend of backends.slice(2)) backend.maxInFlight = 0;
    expect(strategy.select()!.id).toBe('a');
  });
  it('allocates nothing', () => {
    expect(bytesPerPick(priority({ over: roundRobin() }), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import p2c from '@steelyard/plugins/p2c';
import random from '@steelyard/plugins/random';
import slowStart from '@steelyard/plugins/slow-start';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';
import { strategyUnderTest, testStrategy, world, type FakeBackend, type World } from '@steelyard/sdk/testkit';
import { warmth } from '../../plugins/slow-start/warmth.ts';

testStrategy(slowStart({ over: weightedRoundRobin() }), { test, properties: { weighted: 'exactly', smooth: true } });
for (const over of [leastConnections(), p2c(), random()]) describe(`over ${over.name}`, () => void testStrategy(slowStart({ over }), { test }));

describe('the ramp', () => {
  it.each([[0, 1, 0.1], [3_000, 1, 0.1], [15_000, 1, 0.5], [29_999, 1, 0.999_97], [30_000, 1, 1], [1e9, 1, 1], [7_500, 2, 0.5], [15_000, 0.5, 0.25], [-5, 1, 0.1]])(
    'after %d ms of 30 s, at aggression %d, is at %d', (elapsedMs, aggression, expected) => {
      expect(warmth(elapsedMs, 30_000, aggression, 0.1)).toBeCloseTo(expected, 4);
    });
  it('never falls, begins at the minimum and ends at 1', () => {
    const ms = fc.double({ min: 0, max: 2_000, noNaN: true });
    fc.assert(fc.property(ms, ms, fc.double({ min: 0.1, max: 10, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true }), (one, two, aggression, minimum) => {
      const [early, late] = [Math.min(one, two), Math.max(one, two)].map((at) => warmth(at, 1_000, aggression, minimum)) as [number, number];
      return early <= late && early >= minimum && late <= 1;
    }));
  });
});

describe('slow-start', () => {
  const started = () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(slowStart({ over: weightedRoundRobin(), windowMs: 10_000 }), w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    return { w, strategy, a, b };
  };
  const shareOf = (picked: ({ id: string } | undefined)[], id: string) => picked.filter((one) => one!.id === id).length / picked.length;
  const turn = (w: World, backend: FakeBackend, to: 'up' | 'down') => {
    const from = backend.health;
    backend.health = to;
    w.hooks.onHealthChange.call({ backend, from, to, source: 'check', reason: 'a test' });
  };

  it('spares nobody where all are new', () => {
    expect(shareOf(started().strategy.picks(100), 'a')).toBe(0.5);
  });
  it('raises the share of one that is new step by step, to its whole weight', () => {
    const { w, strategy, a, b } = started();
    strategy.update([a, b, w.backends([{ id: 'c' }])[0]!]);
    const shares = Array.from({ length: 21 }, () => {
      const share = shareOf(strategy.picks(2_100), 'c');
      w.advance(500);
      return share;
    });
    expect(shares[0]).toBeCloseTo(0.1 / 2.1, 2);
    expect(shares[10]).toBeCloseTo(0.5 / 2.5, 2);
    expect(shares[20]).toBeCloseTo(1 / 3, 3);
    shares.forEach((share, i) => { if (i > 0) expect(share).toBeGreaterThanOrEqual(shares[i - 1]! - 0.001); });
  });
  it('begins anew for one that comes back from being down, not for one whose first check ends', () => {
    const { w, strategy, a, b } = started();
    turn(w, b, 'down');
    expect(shareOf(strategy.picks(10), 'a')).toBe(1);
    turn(w, b, 'up');
    expect(shareOf(strategy.picks(1_100), 'b')).toBeCloseTo(0.1 / 1.1, 2);
    w.advance(10_000);
    expect(shareOf(strategy.picks(100), 'b')).toBe(0.5);
    a.health = 'unknown';
    turn(w, a, 'up');
    expect(shareOf(strategy.picks(100), 'a')).toBe(0.5);
  });
  it('goes on with its ramp behind a reload, and spares one that the reload brought', () => {
    const { w, strategy, a, b } = started();
    turn(w, b, 'down');
    turn(w, b, 'up');
    w.advance(5_000);
    const next = strategy.reload();
    expect(shareOf(next.picks(1_500), 'b')).toBeCloseTo(0.5 / 1.5, 2);
    const third = strategy.reload();
    third.update([a, b, w.backends([{ id: 'c' }])[0]!]);
    expect(shareOf(third.picks(1_600), 'c')).toBeCloseTo(0.1 / 1.6, 2);
  });
  it('has a timer only while somebody warms up', () => {
    const { w, b } = started();
    expect(w.clock.pending).toBe(0);
    turn(w, b, 'down');
    turn(w, b, 'up');
    expect(w.clock.pending).toBe(1);
    w.advance(10_000);
    expect(w.clock.pending).toBe(0);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import peakEwma from '@steelyard/plugins/peak-ewma';
import { aborted, answered, failed, strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { Cost } from '../../plugins/peak-ewma/cost.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(peakEwma(), { test, properties: { everyBackend: true } });

describe('the cost', () => {
  it('is a peak at once, and 1/e of it after the decay without a sample', () => {
    const cost = new Cost();
    cost.observe(10, 0, 10_000);
    cost.observe(800, 5, 10_000);
    expect(cost.value).toBe(800);
    expect(cost.at(10_005, 10_000)).toBeCloseTo(800 / Math.E, 9);
  });
  it('takes a faster sample in by how long ago the last one was', () => {
    const cost = new Cost();
    cost.observe(100, 0, 1_000);
    cost.observe(50, 1_000, 1_000);
    expect(cost.value).toBeCloseTo(100 / Math.E + 50 * (1 - 1 / Math.E), 9);
  });
  it('lies between 0 and the greatest sample, whatever the clock does', () => {
    const step = fc.record({ sample: fc.double({ min: 0, max: 1e6, noNaN: true }), passed: fc.double({ min: -1e4, max: 1e7, noNaN: true }) });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const cost = new Cost();
      let now = 1_000;
      for (const { sample, passed } of steps) cost.observe(sample, (now += passed), 10_000);
      const most = Math.max(...steps.map(({ sample }) => sample)) * (1 + 1e-12);
      return cost.value >= 0 && cost.value <= most && cost.at(now - 5_000, 10_000) <= most && cost.at(now + 1, 10_000) >= 0;
    }));
  });
});

describe('peak-ewma', () => {
  const started = (options = {}) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(peakEwma(options), w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]);
    strategy.update([a!, b!]);
    return { w, strategy, a: a!, b: b! };
  };
  const learn = ({ strategy, a, b }: ReturnType<typeof started>, ofA: number, ofB: number) => {
    strategy.open(a).end(answered(200, { firstByteMs: ofA, durationMs: ofA }));
    strategy.open(b).end(answered(200, { firstByteMs: ofB, durationMs: ofB }));
  };

  it('prefers a slow idle backend once the fast one has so much in flight that a request would wait longer', () => {
    const s = started();
    learn(s, 10, 35);
    const picks = Array.from({ length: 6 }, () => s.strategy.pick()!.backend.id);
    // 10, 20, 30 against 35; then 40 against 35, 40 against 70, 50 against 70.
    expect(picks).toEqual(['a', 'a', 'a', 'b', 'a', 'a']);
  });
  it('gives an unknown backend one request, and no second before the answer', () => {
    const { strategy } = started();
    const first = strategy.pick()!;
    const second = strategy.pick()!;
    expect(first.backend).not.toBe(second.backend);
    second.end(answered(200, { firstByteMs: 50, durationMs: 50 }));
    for (let i = 0; i < 5; i++) expect(strategy.pick()!.backend).toBe(second.backend);
  });
  it('takes a failure for slow, at least so slow as it is told, and an abort for nothing', () => {
    const s = started({ failureMs: 500 });
    learn(s, 10, 20);
    s.strategy.open(s.a).end(aborted('client'));
    expect(s.strategy.select()).toBe(s.a);
    s.strategy.open(s.a).end(failed('connect', { durationMs: 1 }));
    expect(s.strategy.select()).toBe(s.b);
  });
  it('tries a backend again that was slow once, when its peak has faded', () => {
    const s = started();
    learn(s, 1_000, 10);
    expect(s.strategy.select()).toBe(s.b);
    for (let i = 0; i < 60; i++) {
      s.w.advance(1_000);
      s.strategy.open(s.b).end(answered(200, { firstByteMs: 10, durationMs: 10 }));
    }
    expect(s.strategy.select()).toBe(s.a);
  });
  it('goes by the first byte, so that a slow reader is not the backend’s fault', () => {
    const s = started();
    s.strategy.open(s.a).end(answered(200, { firstByteMs: 5, durationMs: 60_000 }));
    s.strategy.open(s.b).end(answered(200, { firstByteMs: 6, durationMs: 6 }));
    expect(s.strategy.select()).toBe(s.a);
  });
  it('keeps what it learnt over a reload', () => {
    const s = started();
    learn(s, 100, 10);
    expect(s.strategy.reload().select()).toBe(s.b);
  });
  it('allocates nothing but what chance and the clock cost', () => {
    expect(bytesPerPick(peakEwma(), 4 * BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(4 * BOXED_NUMBER_BYTES);
  });
});

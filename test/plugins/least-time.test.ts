import { describe, expect, it, test } from 'vitest';
import leastTime from '@steelyard/plugins/least-time';
import { answered, failed, strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { ResponseTime } from '../../plugins/least-time/response-time.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(leastTime(), { test, properties: { everyBackend: true, avoidsMostLoaded: true, leastLoaded: (inFlight, weight) => (inFlight + 1) / weight } });

describe('the response time', () => {
  it('is the first sample, then a moving average of 1/8', () => {
    const time = new ResponseTime();
    time.observe(80, 0, 1_000);
    time.observe(160, 1, 1_000);
    expect(time.at(2, 1_000)).toBe(90);
  });
  it('is halved for each whole interval without one', () => {
    const time = new ResponseTime();
    time.observe(80, 0, 1_000);
    expect([999, 1_000, 1_999, 3_500, 1e9].map((now) => time.at(now, 1_000))).toEqual([80, 40, 40, 10, 0]);
  });
});

describe('least-time', () => {
  const started = (options = {}) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(leastTime(options), w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    const takes = (backend: FakeBackend, firstByteMs: number, durationMs = firstByteMs) => strategy.open(backend).end(answered(200, { firstByteMs, durationMs }));
    return { w, strategy, a, b, takes };
  };

  it('weighs the time with what is in flight', () => {
    const { strategy, a, b, takes } = started();
    takes(a, 40);
    takes(b, 120);
    a.inFlight = 1;
    expect(strategy.select()).toBe(a); // 2 steps x 2 against 6 x 1
    a.inFlight = 3;
    expect(strategy.select()).toBe(b);
  });
  it('takes times within one step for equal', () => {
    const { strategy, a, b, takes } = started();
    takes(a, 1);
    takes(b, 19);
    a.inFlight = 1;
    expect(strategy.select()).toBe(b);
    b.inFlight = 1;
    const picked = new Set(Array.from({ length: 60 }, () => strategy.select()));
    expect(picked.size).toBe(2);
  });
  it('measures to the first byte, or to the last when told so', () => {
    const first = started();
    first.takes(first.a, 30, 900);
    first.takes(first.b, 90, 90);
    expect(first.strategy.select()).toBe(first.a);
    const last = started({ measure: 'last-byte' });
    last.takes(last.a, 30, 900);
    last.takes(last.b, 90, 90);
    expect(last.strategy.select()).toBe(last.b);
  });
  it('gives a slow backend a second chance after a while, and learns nothing from failures', () => {
    const { w, strategy, a, b, takes } = started();
    takes(a, 1_000);
    takes(b, 30);
    strategy.open(b).end(failed('connect', { durationMs: 4_000 }));
    expect(strategy.select()).toBe(b);
    for (let i = 0; i < 12; i++) {
      w.advance(5_000);
      takes(b, 30);
    }
    expect(strategy.select()).toBe(a);
  });
  it('takes everything above five seconds for equally slow', () => {
    const { strategy, a, b, takes } = started();
    takes(a, 9_000);
    takes(b, 50_000);
    a.inFlight = 1;
    expect(strategy.select()).toBe(b);
  });
  it('allocates nothing but what chance and the clock cost', () => {
    expect(bytesPerPick(leastTime(), 3 * BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(3 * BOXED_NUMBER_BYTES);
  });
});

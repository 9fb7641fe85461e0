import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Pace, type PaceRules } from '../../core/src/request/pace.ts';

const RULES: PaceRules = { silenceMs: 30_000, graceMs: 5_000, minPerSecond: 240 };

it('lets a peer that sends nothing go on for the grace, and one that has sent enough for a whole silence', () => {
  expect(new Pace().wait(0, 0, RULES)).toBe(5_000);
  // 25 seconds at 240 bytes per second.
  expect(new Pace().wait(0, 6_000, RULES)).toBe(30_000);
  expect(new Pace().wait(0, 600_000_000, RULES)).toBe(30_000);
});

it('a byte now and then holds nothing: the grace runs out however often it comes', () => {
  const pace = new Pace();
  let now = 0;
  for (let bytes = 0; pace.wait(now, bytes, RULES) > 0; bytes++) now += 1_000;
  // Five bytes earn 21 ms.
  expect(now).toBe(6_000);
  expect(pace.isTooSlow(now, RULES)).toBe(true);
});

it('a floor of 0 leaves the silence alone', () => {
  const pace = new Pace();
  const rules = { ...RULES, minPerSecond: 0 };
  for (let now = 0; now < 1_000_000; now += 20_000) expect(pace.wait(now, 0, rules)).toBe(30_000);
  expect(pace.isTooSlow(1_000_000, rules)).toBe(false);
});

it('tells a silence from a slow peer', () => {
  const pace = new Pace();
  pace.wait(0, 1_000_000, RULES);
  expect(pace.isTooSlow(30_050, RULES)).toBe(false);
  const slow = new Pace();
  slow.wait(0, 0, RULES);
  expect([slow.isTooSlow(4_999, RULES), slow.isTooSlow(5_000, RULES)]).toEqual([false, true]);
});

it('time in which it is not waited for costs the peer nothing', () => {
  const pace = new Pace();
  pace.wait(0, 0, RULES);
  pace.rest(2_000);
  expect(pace.wait(1_000_000, 0, RULES)).toBe(3_000);
  pace.rest(1_001_000);
  pace.rest(1_500_000);
  expect(pace.wait(2_000_000, 240, RULES)).toBe(3_000);
});

it('begins anew for the next message', () => {
  const pace = new Pace();
  pace.wait(0, 0, RULES);
  pace.wait(4_000, 5, RULES);
  pace.reset();
  expect(pace.wait(4_000, 0, RULES)).toBe(5_000);
});

it('never ends one that keeps the rate, and always one that does not', () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 60_000 }), fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 50 }),
    fc.double({ min: 0.05, max: 20, noNaN: true }),
    (minPerSecond, silenceMs, graceMs, gaps, speed) => {
      const rules = { minPerSecond, silenceMs, graceMs };
      const pace = new Pace();
      let now = 0;
      let bytes = 0;
      let left = pace.wait(now, bytes, rules);
      const turns = speed < 1 ? Math.ceil((Math.max(silenceMs, graceMs) + graceMs) / (1 - speed)) + 1 : gaps.length;
      for (let turn = 0; turn < turns && left > 0; turn++) {
        // Never longer than it may be silent, so that only the rate decides.
        const gap = Math.min(gaps[turn % gaps.length]!, silenceMs, graceMs);
        now += gap;
        bytes += (gap * minPerSecond * speed) / 1_000;
        left = pace.wait(now, bytes, rules);
      }
      if (speed >= 1.001) expect(left).toBeGreaterThan(0);
      if (speed < 0.999) expect(left).toBeLessThanOrEqual(0);
    },
  ), { numRuns: 200 });
});

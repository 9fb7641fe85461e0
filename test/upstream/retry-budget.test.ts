import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RetryBudget } from '../../core/src/upstream/retry-budget.ts';

function withdrawals(budget: RetryBudget, now: number, most = 1_000): number {
  let count = 0;
  while (count < most && budget.withdraw(now)) count++;
  return count;
}

it('allows the share of the requests that came, and no more', () => {
  const budget = new RetryBudget(0.25, 0);
  for (let i = 0; i < 40; i++) budget.deposit(1_000);
  expect(withdrawals(budget, 1_000)).toBe(10);
});

it('without a share and without a reserve allows nothing', () => {
  const budget = new RetryBudget(0, 0);
  for (let i = 0; i < 100; i++) budget.deposit(0);
  expect(withdrawals(budget, 0)).toBe(0);
});

it('lets a quiet pool repeat: ten seconds of the reserve at most, filled again by the second', () => {
  const budget = new RetryBudget(0, 10);
  expect(withdrawals(budget, 1_000_000)).toBe(100);
  expect(withdrawals(budget, 1_000_000)).toBe(0);
  expect(withdrawals(budget, 1_000_500)).toBe(5);
  expect(withdrawals(budget, 1_060_000)).toBe(100);
});

it('forgets what came in after two windows of five seconds, not within one', () => {
  for (const [waitMs, left] of [[4_999, 10], [5_001, 10], [10_001, 0], [60_000, 0]] as const) {
    const budget = new RetryBudget(1, 0);
    for (let i = 0; i < 10; i++) budget.deposit(0);
    expect(withdrawals(budget, waitMs)).toBe(left);
  }
});

it('never allows more than the share of what came plus the reserve, however both mix', () => {
  const step = fc.record({ afterMs: fc.integer({ min: 0, max: 4_000 }), requests: fc.integer({ min: 0, max: 30 }), wanted: fc.integer({ min: 0, max: 30 }) });
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 40 }), (share, perSecond, steps) => {
    const budget = new RetryBudget(share, perSecond);
    let now = 0;
    let requests = 0;
    let repeats = 0;
    for (const { afterMs, requests: more, wanted } of steps) {
      now += afterMs;
      for (let i = 0; i < more; i++) budget.deposit(now);
      requests += more;
      repeats += withdrawals(budget, now, wanted);
    }
    // What the reserve holds at first, and what it gains since. The last term is for sums of fractions.
    return repeats <= share * requests + perSecond * (10 + now / 1_000) + 1e-6;
  }));
});

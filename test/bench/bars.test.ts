import { describe, expect, it } from 'vitest';
import { BARS, isMet, limitOf } from './bars.ts';
import { SCENARIOS } from './scenarios.ts';
import type { Estimate } from './statistics.ts';

const reached = (low: number, high: number): Estimate => ({ median: (low + high) / 2, low, high, min: low, max: high });

describe('a bar', () => {
  it('is met when the lower end of the interval is at or below it, wherever the median is', () => {
    const bar = { scenario: 'any', most: 1.15 };
    expect(isMet(bar, reached(1.15, 1.4))).toBe(true);
    expect(isMet(bar, reached(1.16, 1.17))).toBe(false);
  });

  it('of which more is better is met when the upper end is at or above it', () => {
    const bar = { scenario: 'any', least: 1.8 };
    expect(isMet(bar, reached(1.2, 1.8))).toBe(true);
    expect(isMet(bar, reached(1.2, 1.79))).toBe(false);
  });

  it('says its limit', () => {
    expect(limitOf({ scenario: 'any', most: 1_024 })).toBe('≤ 1,024');
    expect(limitOf({ scenario: 'any', least: 1.8 })).toBe('≥ 1.8');
  });

  it.each(BARS.map((bar) => [bar.scenario, bar.to ?? 'itself', bar] as const))('%s, %s: belongs to a scenario and to one of its contenders, and its direction is the metric’s', (name, _to, bar) => {
    const scenario = SCENARIOS.find((one) => one.name === name)!;
    expect(scenario).toBeDefined();
    if (bar.to !== undefined) expect(scenario.contenders.slice(1).map((contender) => contender.name)).toContain(bar.to);
    expect(scenario.metric.better === 'more').toBe(bar.least !== undefined);
  });
});

describe('scenarios', () => {
  it('have names of their own, and contenders with names of their own', () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { contenders } of SCENARIOS) expect(new Set(contenders.map(({ name }) => name)).size).toBe(contenders.length);
  });

  it('put Steelyard first: the ratios are its', () => {
    for (const { contenders } of SCENARIOS) expect(contenders[0]!.peer).toBeUndefined();
  });
});

import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import type { StrategyUnderTest } from '@steelyard/sdk/testkit';
import { newCredit, SmoothOrder } from '../../plugins/weighted-round-robin/smooth-order.ts';
import type { Credit } from '../../plugins/weighted-round-robin/smooth-order.ts';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(weightedRoundRobin(), { test, properties: { weighted: 'exactly', smooth: true, even: true, everyBackend: true } });

function started(weights: Record<string, number>) {
  const w = world({ seed: 7 });
  const strategy = strategyUnderTest(weightedRoundRobin(), w);
  const backends = w.backends(Object.entries(weights).map(([id, weight]) => ({ id, weight })));
  strategy.update(backends);
  return { w, strategy, backends };
}
const picks = (strategy: StrategyUnderTest, count: number) => strategy.picks(count).map((backend) => backend?.id ?? '-').join('');

/** The algorithm alone, with its credits in sight. */
function bare(weights: readonly number[]) {
  const w = world();
  const backends = w.backends(weights.map((weight) => ({ weight })));
  const credits = new Map(backends.map((backend): [object, Credit] => [backend, newCredit()]));
  const order = new SmoothOrder((backend) => credits.get(backend)!);
  order.setMembers(backends.map((backend) => ({ backend, weight: backend.weight })));
  const pool = w.pool(backends);
  return { next: () => backends.indexOf(order.next(pool) as never), credits: () => [...credits.values()].map(({ value }) => value) };
}

describe('weighted-round-robin', () => {
  it('gives a a b a c a a for weights 5, 1, 1, the vector of nginx', () => {
    expect(picks(started({ a: 5, b: 1, c: 1 }).strategy, 14)).toBe('aabacaaaabacaa');
  });

  it('has credits that add up to 0 after every pick and are all 0 after each round; each backend has had k·w picks by then', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (weights, rounds) => {
      const { next, credits } = bare(weights);
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let round = 1; round <= rounds; round++) {
        const had = weights.map(() => 0);
        for (let pick = 0; pick < sum; pick++) {
          had[next()]!++;
          expect(credits().reduce((a, b) => a + b, 0)).toBe(0);
        }
        expect(had).toEqual(weights);
        expect(credits()).toEqual(weights.map(() => 0));
      }
    }), { numRuns: 50 });
  });

  it('shares by the weights among those that are available, and does not flood who comes back', () => {
    const { strategy, backends: [, b] } = started({ a: 2, b: 2, c: 1 });
    b!.health = 'down';
    expect(picks(strategy, 30).replaceAll(/[^a]/g, '')).toHaveLength(20);
    b!.health = 'up';
    expect(picks(strategy, 5).replaceAll(/[^b]/g, '')).toHaveLength(2);
  });

  it('takes the weight of update, not that of the backend, fractions too', () => {
    const { strategy, backends: [a, b] } = started({ a: 1, b: 100 });
    strategy.update([{ backend: a!, weight: 0.75 }, { backend: b!, weight: 0.25 }]);
    expect(picks(strategy, 400).replaceAll('b', '')).toHaveLength(300);
  });

  it('goes on in the middle of a round over an update and a reload', () => {
    const { strategy } = started({ a: 5, b: 1, c: 1 });
    expect(picks(strategy, 3)).toBe('aab');
    strategy.update(strategy.members);
    const next = strategy.reload();
    expect(picks(next, 4)).toBe('acaa');
  });

  it('keeps what the others are owed when a member leaves or comes', () => {
    const { w, strategy, backends: [a, b, c] } = started({ a: 5, b: 1, c: 1 });
    expect(picks(strategy, 3)).toBe('aab');
    strategy.update([a!, b!]);
    // b had its turn in this round: a's come first.
    expect(picks(strategy, 3)).toBe('aaa');
    strategy.update([a!, b!, c!, ...w.backends([{ id: 'd' }])]);
    expect(picks(strategy, 80).replaceAll(/[^a]/g, '')).toHaveLength(50);
  });

  it('does not starve a backend whose weight was great a moment ago', () => {
    const { strategy, backends: [a, b] } = started({ a: 1000, b: 1 });
    strategy.picks(500);
    strategy.update([{ backend: a!, weight: 1 }, { backend: b!, weight: 1 }]);
    expect(picks(strategy, 6).replaceAll('b', '').length).toBeGreaterThanOrEqual(2);
  });

  it('starts a new backend level with the rest, neither ahead nor behind', () => {
    const { w, strategy, backends: [a] } = started({ a: 1, b: 1, c: 1, d: 1 });
    expect(picks(strategy, 1)).toBe('a');
    // a paid for a round of four and is alone now: it is behind, but there is nobody to be behind of.
    strategy.update([a!]);
    strategy.update([a!, ...w.backends([{ id: 'x' }])]);
    expect(picks(strategy, 4)).toBe('axax');
  });

  it('gives a new backend its share from the start, however long the others have been running', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 5 }), (had, leaving) => {
      const { w, strategy, backends } = started({ a: 3, b: 2, c: 2, d: 1, e: 1, f: 1 });
      strategy.picks(had);
      const [fresh] = w.backends([{ id: 'x', weight: 1 }]);
      strategy.update(backends.slice(leaving));
      strategy.update([...backends.slice(leaving), fresh!]);
      const sum = strategy.members.reduce((total, { weight }) => total + weight, 0);
      const got = picks(strategy, 4 * sum).replaceAll(/[^x]/g, '').length;
      // Its four turns, one more or less for where in the round it came in.
      expect(Math.abs(got - 4)).toBeLessThanOrEqual(1);
    }), { numRuns: 50 });
  });

  it('shares by the weights after they were next to nothing: no debt grows without end', () => {
    for (const had of [1, 2, 3]) {
      const { strategy, backends: [a, b] } = started({ a: 3, b: 1 });
      strategy.picks(had);
      strategy.update([{ backend: a!, weight: 1e-322 }, { backend: b!, weight: 1e-321 }]);
      strategy.picks(had);
      strategy.update([a!, b!]);
      expect(Math.abs(picks(strategy, 400).replaceAll('b', '').length - 300)).toBeLessThanOrEqual(2);
    }
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(weightedRoundRobin(), 0)).toBe(0);
  });
});

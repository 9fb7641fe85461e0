import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(leastConnections(), {
  test, properties: { weighted: 'exactly', smooth: true, even: true, leastLoaded: true, avoidsMostLoaded: true, everyBackend: true },
});
describe('with shortestExpectedDelay', () => {
  testStrategy(leastConnections({ shortestExpectedDelay: true }), {
    test, properties: { even: true, leastLoaded: (inFlight, weight) => (inFlight + 1) / weight, avoidsMostLoaded: true, everyBackend: true },
  });
});

/** In-flight of each after so many leases that nobody ends. */
function filled(weights: readonly number[], leases: number, shortestExpectedDelay = false): number[] {
  const w = world({ seed: 7 });
  const strategy = strategyUnderTest(leastConnections({ shortestExpectedDelay }), w);
  const backends = w.backends(weights.map((weight) => ({ weight })));
  strategy.update(backends);
  for (let lease = 0; lease < leases; lease++) strategy.pick();
  return backends.map(({ inFlight }) => inFlight);
}

describe('least-connections', () => {
  it('fills backends in proportion to their weights', () => {
    expect(filled([1, 2, 3], 600)).toEqual([100, 200, 300]);
    expect(filled([1, 2, 3], 600, true)).toEqual([100, 200, 300]);
  });

  it('shares an idle pool by weight; by shortest expected delay the strongest takes it', () => {
    const shares = (shortestExpectedDelay: boolean) => {
      const w = world();
      const strategy = strategyUnderTest(leastConnections({ shortestExpectedDelay }), w);
      const [weak] = w.backends([{ weight: 1 }, { weight: 3 }]);
      strategy.update([weak!, ...w.backends([{ weight: 3 }])]);
      return strategy.picks(40).filter((backend) => backend === weak).length;
    };
    expect(shares(false)).toBe(10);
    expect(shares(true)).toBe(0);
  });

  it('uses a weak backend by shortest expected delay once the strong one is as late', () => {
    // Weights 1 and 3: (0+1)/1 against (n+1)/3. The first three go to the strong one: 1/3, 2/3, then 3/3 is a tie.
    const w = world();
    const strategy = strategyUnderTest(leastConnections({ shortestExpectedDelay: true }), w);
    const [weak, strong] = w.backends([{ weight: 1 }, { weight: 3 }]);
    strategy.update([weak!, strong!]);
    const order = Array.from({ length: 4 }, () => (strategy.pick()!.backend === strong ? 's' : 'w')).join('');
    expect(order).toBe('sssw');
  });

  it('ties loads that are equal for their weights, and shares the tie by weight', () => {
    const w = world();
    const strategy = strategyUnderTest(leastConnections(), w);
    const [a, b] = w.backends([{ weight: 49, inFlight: 49 }, { weight: 1, inFlight: 1 }]);
    strategy.update([a!, b!]);
    const picks = strategy.picks(50);
    expect([picks.filter((p) => p === a).length, picks.filter((p) => p === b).length]).toEqual([49, 1]);
  });

  it('never leaves a gap of more than one lease per weight, whatever comes and goes', () => {
    const step = fc.record({ ends: fc.integer({ min: 0, max: 2 }), which: fc.nat() });
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 6 }), fc.array(step, { maxLength: 60 }), (weights, steps) => {
      const w = world();
      const strategy = strategyUnderTest(leastConnections(), w);
      const backends = w.backends(weights.map((weight) => ({ weight })));
      strategy.update(backends);
      for (const { ends, which } of steps) {
        const loads = backends.map(({ inFlight, weight }) => inFlight / weight);
        const { backend } = strategy.pick()!;
        expect(loads[backends.indexOf(backend)]).toBe(Math.min(...loads));
        for (let end = 0; end < ends; end++) w.openLeases[which % Math.max(1, w.openLeases.length)]?.end();
      }
    }), { numRuns: 50 });
  });

  it('keeps turns among the tied over a reload', () => {
    const w = world();
    const strategy = strategyUnderTest(leastConnections(), w);
    strategy.update(w.backends([{ id: 'a', weight: 5 }, { id: 'b' }, { id: 'c' }]));
    const before = strategy.picks(3);
    expect([...before, ...strategy.reload().picks(4)].map((backend) => backend?.id).join('')).toBe('aabacaa');
  });

  it('does not lock out a backend whose weight was great a moment ago', () => {
    const w = world();
    const strategy = strategyUnderTest(leastConnections(), w);
    const [a, b] = w.backends([{ weight: 1000 }, { weight: 1 }]);
    strategy.update([a!, b!]);
    strategy.picks(500);
    strategy.update([{ backend: a!, weight: 1 }, { backend: b!, weight: 1 }]);
    expect(strategy.picks(8).filter((backend) => backend === a).length).toBeGreaterThanOrEqual(2);
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(leastConnections(), 0)).toBe(0);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import random from '@steelyard/plugins/random';
import subset, { type SubsetOptions } from '@steelyard/plugins/subset';
import { strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { coverage } from '../../plugins/subset/aperture.ts';

testStrategy(subset({ over: leastConnections(), size: 3, balancer: 'one' }), { test });
describe('with an aperture', () => void testStrategy(subset({ over: random(), size: 3, aperture: { index: 1, balancers: 4 } }), { test }));

describe('the aperture', () => {
  it.each([
    // 3 balancers, 10 backends, 3 each: the arcs of Finagle's documentation, a third of the ring.
    [10, { index: 0, balancers: 3, size: 3 }, [1, 1, 1, 1 / 3, 0, 0, 0, 0, 0, 0]],
    [10, { index: 1, balancers: 3, size: 3 }, [0, 0, 0, 2 / 3, 1, 1, 2 / 3, 0, 0, 0]],
    [4, { index: 3, balancers: 4, size: 2 }, [1, 0, 0, 1]],
    [4, { index: 0, balancers: 1, size: 1 }, [1, 1, 1, 1]],
    [3, { index: 5, balancers: 8, size: 9 }, [1, 1, 1]],
  ])('of %d backends with %j sees %j', (backends, rules, expected) => {
    coverage(Array.from({ length: backends }, () => 1), rules).forEach((share, i) => expect(share).toBeCloseTo(expected[i]!, 9));
  });
  it('sees every backend equally often over all balancers, whatever their numbers, and each balancer at least as many as were asked for', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 });
    fc.assert(fc.property(weights, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 50 }), (lengths, balancers, size) => {
      const all = Array.from({ length: balancers }, (_, index) => coverage(lengths, { index, balancers, size }));
      const sums = lengths.map((_, i) => all.reduce((sum, shares) => sum + shares[i]!, 0));
      for (const sum of sums) expect(sum).toBeCloseTo(sums[0]!, 6);
      const total = lengths.reduce((sum, weight) => sum + weight, 0);
      for (const shares of all) expect(shares.reduce((sum, share, i) => sum + share * lengths[i]!, 0) / total).toBeGreaterThanOrEqual(Math.min(1, size / lengths.length) - 1e-9);
    }));
  });
});

describe('subset', () => {
  const started = (options: Partial<SubsetOptions> = {}, count = 40) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(subset({ over: leastConnections(), size: 5, balancer: 'one', ...options }), w);
    const backends = w.backends(count);
    strategy.update(backends);
    const used = () => new Set(strategy.picks(400).map((backend) => backend as FakeBackend));
    const turn = (backend: FakeBackend, to: 'up' | 'down') => {
      const from = backend.health;
      backend.health = to;
      w.hooks.onHealthChange.call({ backend, from, to, source: 'check', reason: 'a test' });
    };
    return { w, strategy, backends, used, turn };
  };

  it('uses so many backends, the same after a restart, others on another balancer', () => {
    const [one, again, two] = [started().used(), started().used(), started({ balancer: 'two' }).used()];
    const ids = (set: Set<FakeBackend>) => [...set].map(({ id }) => id).toSorted();
    expect(one.size).toBe(5);
    expect(ids(again)).toEqual(ids(one));
    expect(ids(two)).not.toEqual(ids(one));
  });
  it('spreads balancers evenly: none of 40 backends is used by far more than its share of 400 balancers', () => {
    const uses = new Map<string, number>();
    for (let i = 0; i < 400; i++) for (const { id } of membersOf(i)) uses.set(id, (uses.get(id) ?? 0) + 1);
    // 50 each by chance: six standard deviations of a binomial.
    for (const count of uses.values()) expect(Math.abs(count - 50)).toBeLessThan(6 * Math.sqrt(400 * 0.125 * 0.875));
    expect(uses.size).toBe(40);
  });
  it('moves one backend when one leaves, and none when another joins that is not liked', () => {
    const { strategy, backends, used } = started();
    const before = used();
    const [gone] = before;
    strategy.update(backends.filter((backend) => backend !== gone));
    const after = used();
    expect([...before].filter((backend) => !after.has(backend))).toEqual([gone]);
    expect(after.size).toBe(5);
  });
  it('replaces who is down by the next, and takes it back', () => {
    const { used, turn } = started();
    const before = used();
    const [down] = before;
    turn(down!, 'down');
    const meanwhile = used();
    expect([meanwhile.size, meanwhile.has(down!), [...before].filter((backend) => meanwhile.has(backend)).length]).toEqual([5, false, 4]);
    turn(down!, 'up');
    expect(used()).toEqual(before);
  });
  it('goes beyond its part rather than serve nobody', () => {
    const { strategy, used } = started();
    for (const backend of used()) strategy.pool.tried.add(backend);
    expect(strategy.select()).toBeDefined();
  });
  it('with an aperture goes to all others by weight when its own are down, not to one', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(subset({ over: random(), size: 3, aperture: { index: 0, balancers: 8 } }), w);
    const backends = w.backends(Array.from({ length: 40 }, (_, i) => ({ id: `b${i}`, weight: 1 + (i % 3) })));
    strategy.update(backends);
    const part = new Set(strategy.picks(1_000));
    for (const backend of part) (backend as FakeBackend).health = 'down';
    const others = backends.filter((backend) => !part.has(backend));
    const sum = others.reduce((total, { weight }) => total + weight, 0);
    const counts = Map.groupBy(strategy.picks(4_000), (backend) => backend!.id);
    for (const { id, weight } of others) {
      const share = weight / sum;
      // Six standard deviations of a binomial.
      expect(Math.abs((counts.get(id)?.length ?? 0) - 4_000 * share)).toBeLessThan(6 * Math.sqrt(4_000 * share * (1 - share)));
    }
  });
  it('with an aperture uses an arc, its ends in part', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(subset({ over: random(), size: 3, aperture: { index: 0, balancers: 3 } }), w);
    strategy.update(w.backends(10));
    const counts = [...Map.groupBy(strategy.picks(10_000), (backend) => backend!.id).values()].map((list) => list.length).toSorted((one, two) => two - one);
    expect(counts).toHaveLength(4);
    expect(Math.abs(counts[3]! - 1_000)).toBeLessThan(325); // Hoeffding, 1e-9
  });
  it('refuses a place that is none', () => {
    expect(() => started({ aperture: { index: 3, balancers: 3 } })).toThrow('the last one is 2');
  });

  function membersOf(i: number): FakeBackend[] {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(subset({ over: leastConnections(), size: 5, balancer: `balancer-${i}` }), w);
    strategy.update(w.backends(40));
    return [...new Set(strategy.picks(10) as FakeBackend[])];
  }
});

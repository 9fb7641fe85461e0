import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import boundedLoad from '@steelyard/plugins/bounded-load';
import maglev from '@steelyard/plugins/maglev';
import rendezvous from '@steelyard/plugins/rendezvous';
import ringHash from '@steelyard/plugins/ring-hash';
import { strategyUnderTest, testStrategy, world, type FakeLease } from '@steelyard/sdk/testkit';
import { BoundedPool } from '../../plugins/bounded-load/bounded-pool.ts';
import { bytesPerPick } from './pick-bytes.ts';

describe.each([
  // Small tables: each has its own test, and the kit changes the members thousands of times.
  { over: rendezvous(), consistent: true }, { over: ringHash({ points: 40, maxRingSize: 4_096 }), consistent: true },
  { over: maglev({ tableSize: 5_003 }), consistent: { maxMoved: 0.1 } }, { over: boundedLoad({ over: rendezvous(), factor: 2 }), consistent: true },
])('over $over.name', ({ over, consistent }) => {
  testStrategy(boundedLoad({ over }), { test, properties: { consistent } });
});

describe('bounded-load', () => {
  it('lets nobody have more than ceil(c · (m + 1) · w / Σw) of m in flight and the new one, and always finds room', () => {
    const backend = fc.record({ weight: fc.constantFrom(0.5, 1, 1, 2, 5), inFlight: fc.nat(6), isUp: fc.boolean() });
    const sizes = fc.array(backend, { minLength: 1, maxLength: 8 });
    fc.assert(fc.property(sizes, fc.constantFrom(1, 1.25, 2, 100), fc.constantFrom(rendezvous(), ringHash({ points: 10 }), maglev({ tableSize: 101 })), fc.nat(), (specs, factor, over, key) => {
      const w = world();
      const strategy = strategyUnderTest(boundedLoad({ over, factor }), w);
      const backends = w.backends(specs.map(({ isUp, ...rest }) => ({ ...rest, health: isUp ? ('up' as const) : ('down' as const) })));
      strategy.update(backends);
      const eligible = backends.filter(({ health }) => health === 'up');
      const inFlight = eligible.reduce((sum, each) => sum + each.inFlight, 0);
      const weight = eligible.reduce((sum, each) => sum + each.weight, 0);
      const lease = strategy.pick(w.exchange({ clientAddress: `2001:db8::${key.toString(16)}` }));
      expect(lease === undefined).toBe(eligible.length === 0);
      if (lease === undefined) return;
      const picked = lease.backend;
      expect(picked.inFlight).toBeLessThanOrEqual(Math.ceil((factor * (inFlight + 1) * picked.weight) / weight));
    }), { numRuns: 300 });
  });

  it('holds the bound over a life of leases that come and end, where one key has half of the load', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(boundedLoad({ over: ringHash() }), w);
    const backends = w.backends(5);
    strategy.update(backends);
    const open: FakeLease[] = [];
    let spilt = 0;
    const home = strategy.select(w.exchange({ clientAddress: '192.0.2.1' }));
    for (let step = 0; step < 3_000; step++) {
      if (open.length > 0 && w.random.next() < 0.45) open.splice(w.random.below(open.length), 1)[0]!.end();
      const inFlight = open.length;
      const isHot = w.random.next() < 0.5;
      const lease = strategy.pick(w.exchange({ clientAddress: isHot ? '192.0.2.1' : `192.0.2.${w.random.below(250)}` }))!;
      open.push(lease);
      expect(lease.backend.inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * (inFlight + 1)) / 5));
      if (isHot && lease.backend !== home) spilt++;
    }
    // Its share is a fifth, and a quarter more: of its half about half is too much.
    expect(spilt).toBeGreaterThan(500);
  });

  it('leaves a key where it is while there is room, and sends it on to the same second place when there is not', () => {
    const w = world();
    const strategy = strategyUnderTest(boundedLoad({ over: rendezvous(), factor: 2 }), w);
    const backends = w.backends(4);
    strategy.update(backends);
    const exchange = w.exchange({ clientAddress: '192.0.2.9' });
    const home = strategy.select(exchange)!;
    // Others have 2 each: with the new one 7 · 2 / 4 = 3.5, rounded up, so the fifth on it is too many.
    for (const backend of backends) backend.inFlight = backend === home ? 3 : 1;
    expect(strategy.select(exchange)).toBe(home);
    for (const backend of backends) backend.inFlight = backend === home ? 4 : 1;
    const second = strategy.select(exchange);
    expect(second).not.toBe(home);
    expect([strategy.select(exchange), strategy.select(exchange)]).toEqual([second, second]);
    for (const backend of backends) backend.health = backend === home ? 'down' : 'up';
    expect(strategy.select(exchange)).toBe(second);
  });

  it('measures a bound over those who are eligible alone', () => {
    const w = world();
    const backends = w.backends([{ inFlight: 3 }, { inFlight: 3 }, { inFlight: 100, health: 'down' }, { inFlight: 50 }]);
    const bounded = new BoundedPool(1.25);
    bounded.setMembers(backends.map((backend, i) => ({ backend, weight: i === 3 ? 0 : 1 })));
    const view = bounded.of(w.pool(backends));
    // 1.25 · (6 + 1) / 2 = 4.375
    expect(backends.map((backend) => view.capacity(backend))).toEqual([5, 5, 5, 0]);
    expect(backends.map((backend) => view.isAvailable(backend))).toEqual([true, true, false, false]);
  });

  it('has no bound that a rounding error raises by one', () => {
    const w = world();
    const backends = w.backends([{ weight: 11, inFlight: 25 }, { weight: 11, inFlight: 24 }]);
    const bounded = new BoundedPool(1);
    bounded.setMembers(backends.map((backend) => ({ backend, weight: 11 })));
    const view = bounded.of(w.pool(backends));
    // 1 · (49 + 1) · 11 / 22 = 25
    expect(backends.map((backend) => view.capacity(backend))).toEqual([25, 25]);
    expect(backends.map((backend) => view.isAvailable(backend))).toEqual([false, true]);
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(boundedLoad({ over: ringHash() }), 0)).toBe(0);
  });
});

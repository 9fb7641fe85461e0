import { describe, expect, it, test } from 'vitest';
import p2c from '@steelyard/plugins/p2c';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import type { Backend } from '@steelyard/sdk';
import { DistinctChoices } from '../../plugins/p2c/distinct-choices.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(p2c(), { test, properties: { avoidsMostLoaded: true, powerOfChoices: 2, everyBackend: true } });
for (const choices of [3, 8]) {
  describe(`with ${choices} choices`, () => {
    testStrategy(p2c({ choices }), { test, properties: { avoidsMostLoaded: true, powerOfChoices: choices, everyBackend: true } });
  });
}

/** Hoeffding: a count over N picks is further than this from its mean with a chance below 1e-9. */
const strayOf = (picks: number) => Math.sqrt((picks / 2) * Math.log(2 / 1e-9));

describe('p2c', () => {
  it.each([[[]], [[1, 4]]])('draws each pair of the available equally often, with %j of seven down', (down) => {
    const w = world({ seed: 7 });
    const backends = w.backends(down.length === 0 ? 5 : 7);
    for (const at of down) backends[at]!.health = 'down';
    const pool = w.pool(backends);
    // Who is drawn is who is asked for and available.
    const asked: number[] = [];
    const view = {
      name: 'api', backends, inFlightAt: (row: number) => pool.inFlightAt(row), nobody: () => pool.nobody(), isAvailable: (backend: Backend) => {
        const isAvailable = pool.isAvailable(backend);
        if (isAvailable) asked.push(backends.indexOf(backend));
        return isAvailable;
      },
    };
    const draw = new DistinctChoices(2, (count) => w.random.below(count));
    draw.setMembers(backends.map((backend) => ({ backend, weight: 1 })));
    const pairs = new Map<string, number>();
    const picks = 20_000;
    for (let pick = 0; pick < picks; pick++) {
      asked.length = 0;
      draw.pick(view);
      const pair = asked.toSorted((a, b) => a - b).join('-');
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
    expect(pairs.size).toBe(10);
    // 0.1 each. Drawing two indices and moving one on a collision would give 0.12 and 0.08: 400 off, where chance is at most 463 off once in
    // a billion; so the sum of squares is asked as well: chi-square with 9 degrees of freedom is above 60 once in a billion, and 800 there.
    for (const count of pairs.values()) expect(Math.abs(count - picks / 10)).toBeLessThan(strayOf(picks));
    const chiSquare = [...pairs.values()].reduce((sum, count) => sum + (count - picks / 10) ** 2 / (picks / 10), 0);
    expect(chiSquare).toBeLessThan(60);
  });

  it('gives nothing to the strictly most loaded of two, where drawing with replacement would give 25 %', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(p2c(), w);
    const [idle, busy] = w.backends([{ inFlight: 0 }, { inFlight: 1 }]);
    strategy.update([busy!, idle!]);
    expect(new Set(strategy.picks(1_000))).toEqual(new Set([idle]));
  });

  it('divides the load by the weight', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(p2c(), w);
    const [strong, weak] = w.backends([{ weight: 4, inFlight: 4 }, { weight: 1, inFlight: 2 }]);
    strategy.update([weak!, strong!]);
    expect(new Set(strategy.picks(200))).toEqual(new Set([strong]));
  });

  it('decides ties by chance, in proportion to the weights', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(p2c(), w);
    const [strong, weak] = w.backends([{ weight: 3 }, { weight: 1 }]);
    strategy.update([weak!, strong!]);
    const picks = 10_000;
    const had = strategy.picks(picks).filter((backend) => backend === strong).length;
    expect(Math.abs(had - 0.75 * picks)).toBeLessThan(strayOf(picks));
  });

  it('takes the only one that is available, and compares two among a thousand', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(p2c(), w);
    const backends = w.backends(Array.from({ length: 1_000 }, () => ({ health: 'down' as const })));
    strategy.update(backends);
    expect(strategy.select()).toBeUndefined();
    backends[3]!.health = 'up';
    backends[3]!.inFlight = 50;
    expect(new Set(strategy.picks(20))).toEqual(new Set([backends[3]]));
    backends[900]!.health = 'up';
    expect(new Set(strategy.picks(20))).toEqual(new Set([backends[900]]));
  });

  it('keeps the fullest of many backends nearly level: Θ(log log n) above the mean, where chance alone is far above', () => {
    // 1,000 leases on 100 backends, none ended: a mean of 10. One choice leaves about 20 on the fullest.
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(p2c(), w);
    const backends = w.backends(100);
    strategy.update(backends);
    for (let lease = 0; lease < 1_000; lease++) strategy.pick();
    expect(Math.max(...backends.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(13);
  });

  it.each([2, 8])('allocates nothing in a pick of %i but the numbers that chance returns', (choices) => {
    const most = choices * BOXED_NUMBER_BYTES;
    expect(bytesPerPick(p2c({ choices }), most)).toBeLessThanOrEqual(most);
  });
});

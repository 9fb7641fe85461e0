import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import fallback from '@steelyard/plugins/fallback';
import rendezvous from '@steelyard/plugins/rendezvous';
import roundRobin from '@steelyard/plugins/round-robin';
import sticky from '@steelyard/plugins/sticky';
import { hash32, mix32 } from '@steelyard/sdk';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { HighestScore } from '../../plugins/rendezvous/highest-score.ts';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(rendezvous(), { test, properties: { consistent: true } });
describe('by a header', () => void testStrategy(rendezvous({ key: { header: 'x-user' } }), {
  test, properties: { consistent: { exchangeOf: (key) => ({ headers: { 'x-user': `user-${key}` } }) } },
}));
// A key of its own for each exchange: keys are even, so shares are those of the weights.
describe('by the id of the exchange', () => void testStrategy(rendezvous({ key: ({ id }) => `${id}` }), { test, properties: { weighted: true, everyBackend: true } }));
describe('inside sticky', () => void testStrategy(sticky({ secret: 'a secret of some length', over: rendezvous() }), { test }));

const members = fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1, maxLength: 4 }), weight: fc.constantFrom(0.5, 1, 1, 2, 10) }), { selector: ({ id }) => id, minLength: 1, maxLength: 12 });
const keys = fc.array(fc.integer(), { minLength: 20, maxLength: 20 });

describe('rendezvous', () => {
  const scores = (given: readonly { id: string; weight: number }[]) => {
    const w = world();
    const backends = w.backends(given.map(({ id, weight }) => ({ id, weight })));
    const score = new HighestScore();
    score.setMembers(backends.map((backend) => ({ backend, weight: backend.weight })));
    return { backends, pick: (key: number) => score.pick(key, w.pool(backends))!.id };
  };

  it('is the highest of weight / -ln(hash of key and backend)', () => {
    fc.assert(fc.property(members, keys, (given, picks) => {
      const { pick } = scores(given);
      for (const key of picks) {
        const scoreOf = ({ id, weight }: { id: string; weight: number }) =>
          weight / -Math.log(((mix32(Math.imul(key ^ hash32(id), hash32(id, 1) | 1)) >>> 0) + 0.5) / 2 ** 32);
        expect(pick(key)).toBe(given.toSorted((one, two) => scoreOf(two) - scoreOf(one))[0]!.id);
      }
    }));
  });

  it('moves exactly the keys of who leaves, and to a newcomer alone; with any weights', () => {
    fc.assert(fc.property(members, keys, (given, picks) => {
      const all = scores(given);
      const fewer = scores(given.slice(1));
      if (given.length === 1) return;
      for (const key of picks) if (all.pick(key) !== given[0]!.id) expect(fewer.pick(key)).toBe(all.pick(key));
    }));
  });

  it('moves about 1/n: of 10,000 keys the ten backends have 1,000 each, and one that leaves is missed by its own', () => {
    const given = Array.from({ length: 10 }, (_, i) => ({ id: `api/http://10.0.0.${i}:80`, weight: 1 }));
    const [all, fewer] = [scores(given), scores(given.slice(1))];
    const hashes = Array.from({ length: 10_000 }, (_, i) => hash32(`192.0.2.${i}`));
    const moved = hashes.filter((key) => all.pick(key) !== fewer.pick(key)).length;
    // Hoeffding: further than 331 from the mean once in a billion.
    expect(Math.abs(moved - 1_000)).toBeLessThan(331);
    // Each has a second choice of its own: the nine others share them evenly. Chi-square with 8 degrees of freedom is above 57 once in a billion.
    const heirs = new Map<string, number>();
    for (const key of hashes) if (all.pick(key) === given[0]!.id) heirs.set(fewer.pick(key), (heirs.get(fewer.pick(key)) ?? 0) + 1);
    expect([...heirs.values()].reduce((sum, had) => sum + (had - moved / 9) ** 2 / (moved / 9), 0)).toBeLessThan(57);
    expect(heirs.size).toBe(9);
  });

  it('hands an exchange without the key to the strategy behind it, where `missing` is none', () => {
    const w = world();
    const strategy = strategyUnderTest(fallback({ over: [rendezvous({ key: { cookie: 'user' }, missing: 'none' }), roundRobin()] }), w);
    strategy.update(w.backends(3));
    const jo = () => strategy.select(w.exchange({ headers: { cookie: 'user=jo' } }));
    expect(new Set([jo(), jo(), jo()]).size).toBe(1);
    expect(new Set([strategy.select(), strategy.select(), strategy.select()]).size).toBe(3);
  });

  it('picks by chance where the key is missing, all of them', () => {
    const w = world();
    const strategy = strategyUnderTest(rendezvous({ key: { cookie: 'user' } }), w);
    strategy.update(w.backends(5));
    expect(new Set(strategy.picks(200)).size).toBe(5);
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(rendezvous(), 0)).toBe(0);
  });
});

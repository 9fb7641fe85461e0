import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import ringHash from '@steelyard/plugins/ring-hash';
import { hash32 } from '@steelyard/sdk';
import { testStrategy, world } from '@steelyard/sdk/testkit';
import { Ring } from '../../plugins/ring-hash/ring.ts';
import { bytesPerPick } from './pick-bytes.ts';

// Small rings: the kit changes the members thousands of times. What follows from more points is asked of the ring below.
const small = { points: 40, maxRingSize: 4_096 };
testStrategy(ringHash(small), { test, properties: { consistent: true } });
describe('by path', () => void testStrategy(ringHash({ key: ['path', 'address'], ...small }), { test, properties: { consistent: true } }));
// Shares are those of the weights but for what the points stray, which is more than the kit's bound: they are asked of the ring below.
describe('by the id of the exchange', () => void testStrategy(ringHash({ key: ({ id }) => `${id}`, ...small }), { test, properties: { everyBackend: true } }));

const membersOf = (given: readonly { id: string; weight: number }[]) => world().backends(given.map(({ id }) => ({ id }))).map((backend, i) => ({ backend, weight: given[i]!.weight }));
const given = fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1, maxLength: 4 }), weight: fc.constantFrom(0.01, 0.5, 1, 1, 2, 3) }), { selector: ({ id }) => id, minLength: 1, maxLength: 8 });
const hashes = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 20, maxLength: 20 });

describe('the ring', () => {
  it('gives a key to the first point at or behind it, around the ring', () => {
    fc.assert(fc.property(given, fc.integer({ min: 1, max: 20 }), hashes, (specs, pointsEach, keys) => {
      const members = membersOf(specs);
      const ring = new Ring(members, { pointsEach, maxSize: 1_024 });
      const points = members
        .flatMap(({ weight }, owner) => Array.from({ length: Math.max(1, Math.round(weight * pointsEach)) }, (_, j) => ({ at: hash32(specs[owner]!.id, j) >>> 0, owner })))
        .toSorted((one, two) => one.at - two.at || one.owner - two.owner);
      for (const key of [...keys, points[0]!.at, points.at(-1)!.at + 1]) {
        const expected = points.find(({ at }) => at >= key >>> 0) ?? points[0]!;
        expect(ring.owners[ring.slotOf(key)]).toBe(expected.owner);
      }
    }));
  });

  it('moves no key but those of who leaves, whatever the weights', () => {
    fc.assert(fc.property(given, hashes, (specs, keys) => {
      const [all, fewer] = [new Ring(membersOf(specs), { pointsEach: 40, maxSize: 8_388_608 }), new Ring(membersOf(specs.slice(1)), { pointsEach: 40, maxSize: 8_388_608 })];
      if (specs.length === 1) return;
      for (const key of keys) {
        const before = all.owners[all.slotOf(key)]!;
        if (before > 0) expect(fewer.owners[fewer.slotOf(key)]).toBe(before - 1);
      }
    }));
  });

  it('that was changed step by step is the one that is built at once, full or not', () => {
    const step = fc.array(fc.constantFrom(0, 0, 0.5, 1, 1, 2, 40), { minLength: 6, maxLength: 6 });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), hashes, (steps, keys) => {
      const size = { pointsEach: 40, maxSize: 1_024 };
      let ring: Ring | undefined;
      for (const weights of steps) {
        const members = membersOf(weights.map((weight, i) => ({ id: `b${i}`, weight })).filter(({ weight }) => weight > 0));
        ring = new Ring(members, size, ring);
        const fresh = new Ring(members, size);
        expect(ring.owners).toEqual(fresh.owners);
        for (const key of keys) expect(ring.slotOf(key)).toBe(fresh.slotOf(key));
      }
    }));
  });

  it('has 160 points for a unit of weight (ketama, nginx), and one at least for anybody', () => {
    const { owners } = new Ring(membersOf([{ id: 'a', weight: 1 }, { id: 'b', weight: 2.5 }, { id: 'c', weight: 0.001 }]), { pointsEach: 160, maxSize: 262_144 });
    expect([0, 1, 2].map((owner) => owners.filter((one) => one === owner).length)).toEqual([160, 400, 1]);
  });

  it('that is full keeps the shares of the weights, and moves about 2/n when one leaves where the least is 1/n', () => {
    const specs = Array.from({ length: 10 }, (_, i) => ({ id: `b${i}`, weight: 1_000 }));
    const [all, fewer] = [new Ring(membersOf(specs), { pointsEach: 160, maxSize: 20_000 }), new Ring(membersOf(specs.slice(1)), { pointsEach: 160, maxSize: 20_000 })];
    expect([all.owners.length, fewer.owners.length]).toEqual([20_000, 19_998]);
    let moved = 0;
    for (let i = 0; i < 10_000; i++) {
      const key = hash32(`${i}`);
      if (all.owners[all.slotOf(key)]! - 1 !== fewer.owners[fewer.slotOf(key)]) moved++;
    }
    // 1,000 that have to, and a tenth of all points are new: 900 more at the most. Hoeffding: 331 more once in a billion.
    expect(moved).toBeGreaterThan(1_000 - 331);
    expect(moved).toBeLessThan(1_900 + 331);
  });

  it('looks at two points or three for a key, of a thousand backends as of ten', () => {
    for (const size of [10, 1_000]) {
      const ring = new Ring(membersOf(Array.from({ length: size }, (_, i) => ({ id: `api/http://10.0.${i >> 8}.${i & 255}:80`, weight: 1 }))), { pointsEach: 160, maxSize: 262_144 });
      expect(ring.owners.length).toBe(160 * size);
      // Shares stray by 1/sqrt(160) = 8 %; five of those, of the largest of a thousand.
      const counts = new Map<number, number>();
      for (let i = 0; i < 100 * size; i++) {
        const owner = ring.owners[ring.slotOf(hash32(`key ${i}`))]!;
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      expect(Math.max(...counts.values())).toBeLessThan(180);
    }
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(ringHash(), 0)).toBe(0);
  });
});

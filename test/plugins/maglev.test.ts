import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import maglev from '@steelyard/plugins/maglev';
import { testStrategy, world } from '@steelyard/sdk/testkit';
import { filledInTurns, filledTable, tableSizeFor } from '../../plugins/maglev/table.ts';
import { bytesPerPick } from './pick-bytes.ts';

// Who comes or goes shifts turns, and with them entries of others: up to 3 of a hundred in the pools of the kit.
// Small tables: the kit changes the members thousands of times. What follows from more entries is asked of the table below.
const small = { tableSize: 5_003 };
testStrategy(maglev(small), { test, properties: { consistent: { maxMoved: 0.1 } } });
describe('by a query parameter', () => void testStrategy(maglev({ key: { query: 'id' }, ...small }), { test, properties: { consistent: { maxMoved: 0.1 } } }));
describe('by the id of the exchange', () => void testStrategy(maglev({ key: ({ id }) => `${id}` }), { test, properties: { weighted: true, everyBackend: true } }));

const membersOf = (weights: readonly number[]) => world().backends(weights.map((weight, i) => ({ id: `b${i}`, weight }))).map((backend) => ({ backend, weight: backend.weight }));
const countsOf = (table: Uint32Array, members: number): number[] => {
  const counts = Array.from({ length: members }, () => 0);
  for (const owner of table) counts[owner]!++;
  return counts;
};

describe('the table', () => {
  it('is that of the paper (table 1), before and after B1 is taken out', () => {
    expect([...filledInTurns([3, 0, 3], [4, 2, 1], [1, 1, 1], 7)]).toEqual([1, 0, 1, 0, 2, 2, 0]);
    expect([...filledInTurns([3, 3], [4, 1], [1, 1], 7)]).toEqual([0, 0, 0, 0, 1, 1, 1]);
  });

  it('is filled in rounds where weights are equal, as the paper has it', () => {
    const choices = fc.constantFrom(7, 11, 101).chain((size) => fc.record({ size: fc.constant(size), preferences: fc.array(fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: size - 1 })), { minLength: 1, maxLength: 7 }) }));
    fc.assert(fc.property(choices, fc.constantFrom(1, 0.3, 7), ({ size, preferences }, weight) => {
      const [offsets, skips] = [preferences.map(([offset]) => offset), preferences.map(([, skip]) => skip)];
      expect([...filledInTurns(offsets, skips, preferences.map(() => weight), size)]).toEqual(inRounds(offsets, skips, size));
    }));
  });

  it('gives equal backends numbers of entries that differ by one at most', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), (size) => {
      const counts = countsOf(filledTable(membersOf(Array.from({ length: size }, () => 1)), 101), size);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }));
  });

  it('gives each backend its share by weight: everybody has one entry at least, which the others are short of', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(0.001, 0.5, 1, 2, 3, 100), { minLength: 1, maxLength: 10 }), (weights) => {
      const size = 1_009;
      const counts = countsOf(filledTable(membersOf(weights), size), weights.length);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      counts.forEach((had, i) => {
        const share = (size * weights[i]!) / sum;
        expect(had).toBeGreaterThanOrEqual(Math.max(1, Math.floor(share) - (weights.length - 1)));
        expect(had).toBeLessThanOrEqual(Math.ceil(share));
      });
    }));
  });

  it('of the default size moves few entries beside those that have to: below 4 of a hundred for any of 2, 10 and 100 backends', () => {
    for (const size of [2, 10, 100]) {
      const members = membersOf(Array.from({ length: size }, () => 1));
      const [before, after] = [filledTable(members, 65_537), filledTable(members.slice(1), 65_537)];
      const moved = before.reduce((count, owner, entry) => count + (owner !== 0 && owner - 1 !== after[entry] ? 1 : 0), 0);
      expect(moved / before.length).toBeLessThan(0.04);
    }
  });

  it('has a prime number of entries, as many as are asked for or more, and more than there are backends', () => {
    expect([[101, 3], [65_537, 10], [65_536, 10], [102, 0], [101, 101], [101, 102], [101, 1_000]].map(([wanted, members]) => tableSizeFor(wanted!, members!))).toEqual([101, 65_537, 65_537, 103, 101, 211, 1_619]);
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(maglev(), 0)).toBe(0);
  });
});

/** The paper's algorithm, as written there. */
function inRounds(offsets: readonly number[], skips: readonly number[], size: number): number[] {
  const table = Array.from({ length: size }, () => -1);
  const next = offsets.map(() => 0);
  for (let filled = 0; ;) {
    for (let i = 0; i < offsets.length; i++) {
      let entry = (offsets[i]! + next[i]! * skips[i]!) % size;
      while (table[entry]! >= 0) entry = (offsets[i]! + ++next[i]! * skips[i]!) % size;
      table[entry] = i;
      next[i]!++;
      if (++filled === size) return table;
    }
  }
}

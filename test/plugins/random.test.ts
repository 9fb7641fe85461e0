import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import random from '@steelyard/plugins/random';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { AliasTable } from '../../plugins/random/alias-table.ts';
import { WeightedDraw } from '../../plugins/random/weighted-draw.ts';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(random(), { test, properties: { weighted: true, everyBackend: true } });

/** All that chance can say, on a grid: exact shares, without sampling. */
const GRID = 10_000;

/** Counts per backend when the first `rejections` draws hit `rejected` and the last one runs over the grid. */
function counts(weights: readonly number[], down: readonly number[], rejections: number, rejected: number): number[] {
  const w = world();
  const backends = w.backends(weights.map((weight) => ({ weight })));
  for (const at of down) backends[at]!.health = 'down';
  const pool = w.pool(backends);
  const had = weights.map(() => 0);
  for (let point = 0; point < GRID; point++) {
    let draws = 0;
    const draw = new WeightedDraw((count) => Math.floor((draws++ < rejections ? rejected : (point + 0.5) / GRID) * count));
    draw.setMembers(backends.map((backend) => ({ backend, weight: backend.weight })));
    had[backends.indexOf(draw.pick(pool) as never)]!++;
  }
  return had;
}

describe('random', () => {
  it('picks in exact proportion to the weights', () => {
    expect(counts([5, 1, 3, 1], [], 0, 0)).toEqual([5_000, 1_000, 3_000, 1_000]);
  });

  it('stays exactly proportional in the scan that follows too many rejections', () => {
    // The heavy one is down and drawn eight times: what is left has weights 1, 3, 1.
    expect(counts([5, 1, 3, 1], [0], 8, 0.1)).toEqual([0, 2_000, 6_000, 2_000]);
  });

  it('finds the one that is available among a thousand', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(random(), w);
    const backends = w.backends(Array.from({ length: 1_000 }, (_, i) => ({ health: i === 777 ? 'up' : 'down', weight: i === 777 ? 0.001 : 100 })));
    strategy.update(backends);
    expect(new Set(strategy.picks(50))).toEqual(new Set([backends[777]]));
  });

  it('stays within the list at the ends of chance, and at the ends of each column', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: 1e-3, max: 65_535, noNaN: true }), { minLength: 1, maxLength: 50 }), fc.nat(49), (weights, column) => {
      const table = new AliasTable(Float64Array.from(weights));
      for (const chance of [0, 1 - 2 ** -30, (column % weights.length) / weights.length]) expect(weights[table.at(chance)]).toBeDefined();
    }));
  });

  it('gives each of any weights its share of the chances, to the last bit but a few', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(0.001, 0.5, 1, 1, 2, 100), { minLength: 1, maxLength: 30 }), (weights) => {
      const table = new AliasTable(Float64Array.from(weights));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      const shares = weights.map(() => 0);
      // Each column has two owners at most: the one below its edge, and the one above.
      weights.forEach((_, column) => {
        let [low, high] = [0, 1];
        const ownerAt = (within: number) => table.at((column + within) / weights.length);
        const own = ownerAt(0);
        for (let step = 0; step < 40; step++) {
          const middle = (low + high) / 2;
          if (ownerAt(middle) === own) low = middle;
          else high = middle;
        }
        shares[own]! += low / weights.length;
        shares[ownerAt(1 - 1e-9)]! += (1 - low) / weights.length;
      });
      weights.forEach((weight, i) => expect(shares[i]).toBeCloseTo(weight / sum, 6));
    }));
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(random(), 0)).toBe(0);
  });
});

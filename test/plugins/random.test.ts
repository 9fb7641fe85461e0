import { describe, expect, it, test } from 'vitest';
import random from '@steelyard/plugins/random';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { WeightedDraw } from '../../plugins/random/weighted-draw.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

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
    const draw = new WeightedDraw(() => (draws++ < rejections ? rejected : (point + 0.5) / GRID));
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

  it('stays within the list at the ends of chance', () => {
    const w = world();
    const backends = w.backends([{ weight: 1 }, { weight: 2 }, { weight: 3 }]);
    const pool = w.pool(backends);
    // The parts of chance are half open: [0, 1/6), [1/6, 1/2), [1/2, 1).
    for (const [chance, expected] of [[0, 0], [0.5, 2], [1 - 2 ** -53, 2]] as const) {
      const draw = new WeightedDraw(() => chance);
      draw.setMembers(backends.map((backend) => ({ backend, weight: backend.weight })));
      expect(draw.pick(pool)).toBe(backends[expected]);
    }
  });

  it('allocates nothing in a pick but the number that chance returns', () => {
    expect(bytesPerPick(random(), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });
});

import { describe, expect, it, test } from 'vitest';
import first from '@steelyard/plugins/first';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(first(), { test });

describe('first', () => {
  it('fills each backend to its limit before the next gets anything', () => {
    const w = world();
    const strategy = strategyUnderTest(first(), w);
    strategy.update(w.backends([{ id: 'a', maxInFlight: 2 }, { id: 'b', maxInFlight: 1 }, { id: 'c' }]));
    const leases = Array.from({ length: 4 }, () => strategy.pick()!);
    expect(leases.map(({ backend }) => backend.id)).toEqual(['a', 'a', 'b', 'c']);
    leases[0]!.end();
    expect(strategy.pick()!.backend.id).toBe('a');
  });
  it('allocates nothing', () => {
    expect(bytesPerPick(first(), 0)).toBe(0);
  });
});

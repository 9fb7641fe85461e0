import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { SeededRandom } from '@steelyard/sdk/testkit';
import { chance, chanceFrom } from '../../core/src/chance.ts';

it('is xoshiro128++: the vector of its authors', () => {
  const next = chanceFrom(Uint32Array.of(1, 2, 3, 4));
  expect(Array.from({ length: 5 }, () => next() * 2 ** 32)).toEqual([641, 1_573_767, 3_222_811_527, 3_517_856_514, 836_907_274]);
});

it('gives what the generator of the test kit gives, from any state', () => {
  fc.assert(fc.property(fc.array(fc.nat(0xffff_ffff), { minLength: 4, maxLength: 4 }), (state) => {
    const [ours, theirs] = [chanceFrom(Uint32Array.from(state)), new SeededRandom(0)];
    theirs.restore(state);
    for (let draw = 0; draw < 20; draw++) expect(ours() * 2 ** 32).toBe(theirs.uint32());
  }));
});

it('is another one in each process', () => {
  // The same four numbers twice: once in 2^128.
  expect(Array.from({ length: 4 }, () => chance())).not.toEqual(Array.from({ length: 4 }, () => chance()));
  expect(chance()).toBeLessThan(1);
});

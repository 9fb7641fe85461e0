import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../core/src/config/nearest.ts';

describe('nearest', () => {
  it.each([['apii', 'api'], ['Backends', 'backends'], ['protocl', 'protocol'], ['wieght', 'weight'], ['maxHeadByte', 'maxHeadBytes'], ['zzz', undefined], ['a', undefined], ['', undefined]])('takes %s for %s', (given, meant) => {
    expect(nearest(given, ['api', 'backends', 'protocol', 'weight', 'maxHeadBytes', 'maxHeaders'])).toBe(meant);
  });

  it.each([['proto', 'protocol'], ['back', 'backends'], ['max', undefined], ['maxHead', undefined], ['pro', undefined], ['max-head-b', 'maxHeadBytes']])('takes %s for the only one that begins so', (given, meant) => {
    expect(nearest(given, ['api', 'backends', 'protocol', 'maxHeadBytes', 'maxHeaders'])).toBe(meant);
  });

  it('is quick with what is no word', () => {
    expect(nearest('a'.repeat(1_000_000), ['api'])).toBeUndefined();
  });
});

describe('editDistance', () => {
  it('is 0 for the same word only, the same both ways, and at most the longer length', () => {
    const word = fc.stringMatching(/^[abc]{0,6}$/);
    fc.assert(fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance === 0).toBe(a === b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }));
  });

  it.each([['ab', 'ba', 1], ['kitten', 'sitting', 3], ['', 'abc', 3]])('from %s to %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });
});

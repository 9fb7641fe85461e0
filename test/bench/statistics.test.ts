import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { estimate, median, percentile, seededRandom, shuffled } from './statistics.ts';

const someValues = fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([3])).toBe(3);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('leaves the order of its argument alone', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('percentile', () => {
  it('is the value that so large a share does not exceed', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(percentile(values, 0.5)).toBe(100);
    expect(percentile(values, 0.99)).toBe(198);
    expect(percentile(values, 1)).toBe(200);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBeUndefined();
  });
});

describe('estimate', () => {
  it('encloses the median by its interval, and the interval by the extremes', () => {
    fc.assert(
      fc.property(someValues, fc.integer(), (values, seed) => {
        const { median: middle, low, high, min, max } = estimate(values, seededRandom(seed));
        expect([min, low, high, max]).toEqual([min, low, high, max].sort((a, b) => a - b));
        expect(middle).toBeGreaterThanOrEqual(min);
        expect(middle).toBeLessThanOrEqual(max);
      }),
      { numRuns: 20 },
    );
  });

  it('gives the same interval for the same values and the same seed', () => {
    const values = [1.1, 1.3, 1.2, 1.9, 1.25];
    expect(estimate(values, seededRandom(7))).toEqual(estimate(values, seededRandom(7)));
  });

  // The number of values below the true median is binomial(15, 1/2): the 4th and the 12th of 15 enclose it with 96.5 %. The bootstrap of the median gives nearly these.
  it('has for 15 values about the interval that order statistics give', () => {
    const values = Array.from({ length: 15 }, (_, i) => i + 1);
    const { low, high } = estimate(values, seededRandom(1));
    expect([4, 5]).toContain(low);
    expect([11, 12]).toContain(high);
  });
});

describe('shuffled', () => {
  it('keeps all items, and gives each order a chance', () => {
    const random = seededRandom(3);
    const orders = new Set(Array.from({ length: 200 }, () => shuffled(['a', 'b', 'c'], random).join('')));
    // An order is missed in 200 draws with 6 · (5/6)^200 < 1e-15; the seed is fixed besides.
    expect([...orders].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  });
});

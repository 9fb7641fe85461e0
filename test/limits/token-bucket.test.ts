import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { TokenBucket } from '../../core/src/listen/token-bucket.ts';

function bucketOf(perSecond: number, now = 0): TokenBucket {
  const bucket = new TokenBucket();
  bucket.configure(perSecond, now);
  return bucket;
}

it('gives a second at once, and then the rate, whenever it is asked', () => {
  fc.assert(fc.property(fc.integer({ min: 2, max: 500 }), fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1, maxLength: 40 }), (perSecond, gaps) => {
    const bucket = bucketOf(perSecond);
    let [now, taken] = [0, 0];
    for (const gap of [0, ...gaps]) {
      now += gap;
      while (bucket.take(now)) taken++;
      expect(taken).toBeLessThanOrEqual(perSecond + (now * perSecond) / 1_000 + 1e-6);
    }
    // Asked so often that it never was full again, it has given all of it but a part of one.
    expect(taken).toBeGreaterThan(perSecond + (now * perSecond) / 1_000 - 1 - 1e-6);
  }));
});

it('of less than one a second gives one at once all the same', () => {
  const bucket = bucketOf(0.25);
  expect([bucket.take(0), bucket.take(3_999), bucket.take(4_000)]).toEqual([true, false, true]);
});

it('without a limit always gives', () => {
  const bucket = bucketOf(Infinity);
  expect(Array.from({ length: 1_000 }, () => bucket.take(0)).every(Boolean)).toBe(true);
});

it('given another rate keeps what it has, as far as there is room', () => {
  const bucket = bucketOf(10);
  for (let count = 0; count < 10; count++) bucket.take(0);
  bucket.configure(1_000, 0);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(1)).toBe(true);
  bucket.configure(Infinity, 1);
  expect(bucket.take(1)).toBe(true);
  bucket.configure(5, 1);
  expect(Array.from({ length: 6 }, () => bucket.take(1))).toEqual([true, true, true, true, true, false]);
});

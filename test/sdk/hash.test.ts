import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash32, mix32 } from '@steelyard/sdk';

describe('hash32', () => {
  // MurmurHash3_x86_32, as its reference code gives them.
  it.each([
    ['', 0, 0], ['', 1, 0x514e28b7], ['', 0xffffffff, 0x81f16f39], ['test', 0, 0xba6bd213], ['test', 0x9747b28c, 0x704b81dc], ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba], ['a', 0x9747b28c, 0x7fa09ea6], ['aa', 0x9747b28c, 0x5d211726], ['aaa', 0x9747b28c, 0x283e0130], ['aaaa', 0x9747b28c, 0x5a97808a],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723], ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('of %j with seed %i is the vector of MurmurHash3', (text, seed, expected) => {
    expect((hash32(text, seed) >>> 0).toString(16)).toBe(expected.toString(16));
  });

  it('hashes the bytes of UTF-8, whatever the text', () => {
    const code = fc.oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7ff, max: 0xe000 }));
    fc.assert(fc.property(fc.array(code, { maxLength: 9 }), fc.integer(), (codes, seed) => {
      const text = String.fromCharCode(...codes);
      return hash32(text, seed) === murmur(new TextEncoder().encode(text), seed);
    }), { numRuns: 2_000 });
  });
});

describe('mix32', () => {
  it('turns each bit of its result over for half of the inputs, whichever bit of theirs changes', () => {
    const samples = 4_000;
    for (let bit = 0; bit < 32; bit++) {
      const turned = Array.from({ length: 32 }, () => 0);
      for (let sample = 0; sample < samples; sample++) {
        const input = Math.imul(sample + 1, 0x9e3779b1);
        const difference = mix32(input) ^ mix32(input ^ (1 << bit));
        for (let out = 0; out < 32; out++) if ((difference >>> out) & 1) turned[out]!++;
      }
      // Fair coins stray by 6.5 standard deviations of 32 once in ten billion.
      for (const count of turned) expect(Math.abs(count - samples / 2)).toBeLessThan(210);
    }
  });
});

/** The definition, byte by byte. */
function murmur(bytes: Uint8Array, seed: number): number {
  const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
  const scrambled = (block: number): number => Math.imul(rotated(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
  let hash = seed | 0;
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = (Math.imul(rotated(hash ^ scrambled(block), 13), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | bytes[at]!;
  return mix32(hash ^ scrambled(tail) ^ bytes.length);
}

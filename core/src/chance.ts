/**
 * Chance for the data path: xoshiro128++ (D. Blackman, S. Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM TOMS 47(4), 2021), begun by the
 * system's. `Math.random` gives a number on the heap at each call; this one is compiled into whoever asks. Not for secrets.
 */
import { getRandomValues } from 'node:crypto';

/** Uniform in [0, 1), in 2^32 steps. */
export const chance = chanceFrom(getRandomValues(new Uint32Array(4)));

/** @param state four numbers that are not all 0 (which chance gives once in 2^128); they go on from call to call */
export function chanceFrom(state: Uint32Array): () => number {
  return () => {
    const s0 = state[0]!;
    const s1 = state[1]!;
    const s2 = state[2]!;
    const s3 = state[3]!;
    const sum = (s0 + s3) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + s0) >>> 0;
    const two = s2 ^ s0;
    const three = s3 ^ s1;
    state[1] = s1 ^ two;
    state[0] = s0 ^ three;
    state[2] = two ^ (s1 << 9);
    state[3] = (three << 11) | (three >>> 21);
    return result / 2 ** 32;
  };
}

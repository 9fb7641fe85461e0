import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Replacements } from '../../core/src/workers/replacements.ts';

const GOOD_LIFE_MS = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Attempts as they came: number and time. */
function world(outcomes: readonly ('fails' | 'works')[] = []) {
  const attempts: [number: number, atMs: number][] = [];
  const failures: number[] = [];
  const startedAt = Date.now();
  const replacements = new Replacements((number) => {
    attempts.push([number, Date.now() - startedAt]);
    return outcomes[attempts.length - 1] === 'fails' ? Promise.reject(new Error('no')) : Promise.resolve();
  });
  const schedule = (number: number, livedMs: number): number => replacements.schedule(number, livedMs, (_error, nextMs) => failures.push(nextMs));
  return { attempts, failures, replacements, schedule };
}

describe('a worker that is gone', () => {
  it('is replaced at once the first time, then later each time, at most 30 s, until one has lived for a minute', async () => {
    const { schedule, attempts } = world();
    const waits = Array.from({ length: 8 }, () => schedule(1, 10));
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(schedule(1, GOOD_LIFE_MS)).toBe(0);
    expect(schedule(1, 10)).toBe(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    // One schedule takes the place of another: never two attempts for one place.
    expect(attempts).toEqual([[1, 1_000]]);
  });

  it('waits for itself alone', () => {
    const { schedule } = world();
    schedule(1, 0);
    expect([schedule(1, 0), schedule(2, 0)]).toEqual([1_000, 0]);
  });

  it('is tried again after each attempt that fails, which is told, until one works', async () => {
    const { schedule, attempts, failures } = world(['fails', 'fails', 'fails', 'works']);
    schedule(1, 0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(failures).toEqual([1_000, 2_000, 4_000]);
    expect(attempts.map(([, atMs]) => atMs)).toEqual([0, 1_000, 3_000, 7_000]);
  });

  it('is awaited as long as an attempt is to come', async () => {
    const { schedule, replacements } = world();
    expect(replacements.isAwaited(1)).toBe(false);
    schedule(1, 0);
    expect([replacements.isAwaited(1), replacements.isAwaited(2)]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(0);
    expect(replacements.isAwaited(1)).toBe(false);
  });

  it('is not replaced after the stop, nor tried again', async () => {
    const { schedule, attempts, failures, replacements } = world(['fails']);
    schedule(1, 0);
    await vi.advanceTimersByTimeAsync(0);
    expect(failures).toEqual([1_000]);
    replacements.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

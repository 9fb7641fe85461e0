import { describe, expect, it } from 'vitest';
import { LoadMemory } from './load-memory.ts';
import { Antagonists, arrivalsOf, workOf } from './schedule.ts';
import { ANTAGONISTS, BACKENDS, MEAN_WORK_MS, MOVE_MS, REQUESTS_PER_SECOND, SLOW_TIMES } from './setting.ts';

const slowAt = (antagonists: Antagonists, atMs: number) => Array.from({ length: BACKENDS }, (_, i) => i).filter((i) => antagonists.isSlow(i, atMs));
const eras = Array.from({ length: 200 }, (_, i) => i * MOVE_MS);

describe('the schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(arrivalsOf(1, 2)).toEqual(arrivalsOf(1, 2));
    expect(arrivalsOf(1, 2)).not.toEqual(arrivalsOf(2, 2));
    expect([workOf(1, 5), workOf(1, 5)]).toEqual([workOf(1, 5), workOf(1, 5)]);
    expect(new Set([workOf(1, 5), workOf(1, 6), workOf(2, 5), workOf(2, 6)]).size).toBe(4);
    expect(eras.map((at) => slowAt(new Antagonists(3), at))).toEqual(eras.map((at) => slowAt(new Antagonists(3), at)));
  });

  it('brings the load and the work that are told', () => {
    // Poisson, n = 24,000: the standard deviation is 0.6 %; of the mean of exponentials too. Five of them.
    const due = arrivalsOf(7, 100);
    expect(Math.abs(due.length / (100 * REQUESTS_PER_SECOND) - 1)).toBeLessThan(0.033);
    const mean = due.reduce((sum, _at, request) => sum + workOf(7, request), 0) / due.length;
    expect(Math.abs(mean / MEAN_WORK_MS - 1)).toBeLessThan(0.033);
    expect(due.every((at, i) => i === 0 || at >= due[i - 1]!)).toBe(true);
  });

  it('has so many slow backends at any time, and one of them changes with each move', () => {
    const antagonists = new Antagonists(3);
    const slow = eras.map((at) => slowAt(antagonists, at));
    expect(slow.every((some) => some.length === ANTAGONISTS)).toBe(true);
    for (let i = 1; i < slow.length; i++) expect(slow[i]!.filter((one) => !slow[i - 1]!.includes(one))).toHaveLength(1);
    expect(new Set(slow.flat()).size).toBe(BACKENDS);
  });

  it('slows work while an antagonist is there, and no longer', () => {
    const antagonists = new Antagonists(3);
    const era = eras.find((at) => at > 0 && slowAt(antagonists, at).some((one) => !antagonists.isSlow(one, at - 1)))!;
    const comes = slowAt(antagonists, era).find((one) => !antagonists.isSlow(one, era - 1))!;
    const goes = slowAt(antagonists, era - 1).find((one) => !antagonists.isSlow(one, era))!;
    // Of 10 ms of work 4 are done before, 6 after.
    expect(antagonists.finishOf(comes, era - 4, 10)).toBeCloseTo(era + 6 * SLOW_TIMES, 6);
    expect(antagonists.finishOf(goes, era - 4 * SLOW_TIMES, 10)).toBeCloseTo(era + 6, 6);
  });
});

describe('what a backend says of its load', () => {
  it('is the median of the last requests that met as many as are there now', () => {
    const memory = new LoadMemory();
    expect(String(memory)).toBe('rif=0, latency-ms=0.000');
    for (const latency of [900, 900, 10, 30, 20, 50, 40]) memory.leave(memory.arrive(), latency);
    const [first, second] = [memory.arrive(), memory.arrive()];
    memory.leave(second, 70);
    memory.leave(first, 45);
    // 10, 30, 20, 50, 40, 45 met none: the last five.
    expect([memory.rif, memory.latencyMs]).toEqual([0, 40]);
    memory.arrive();
    expect([memory.rif, memory.latencyMs]).toEqual([1, 70]);
    memory.arrive();
    expect([memory.rif, memory.latencyMs]).toEqual([2, 70]);
  });
});

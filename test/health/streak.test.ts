import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, IN_USE, UNDECIDED, type Streak } from '../../core/src/health/streak.ts';

const after = (from: Streak, results: readonly boolean[], rise: number, fall: number): Streak =>
  results.reduce((streak, good) => advance(streak, good, { rise, fall }), from);

/** Written the other way round, over the whole history: the verdict is that of the last run of results that was long enough, else the first. */
function verdictOf(start: boolean | undefined, results: readonly boolean[], rise: number, fall: number): boolean | undefined {
  for (let end = results.length; end > 0; end--) {
    const good = results[end - 1]!;
    const needed = good ? rise : fall;
    const run = results.slice(Math.max(0, end - needed), end);
    if (run.length === needed && run.every((result) => result === good)) return good;
  }
  return start ?? results[0];
}

describe('streak', () => {
  it('lets the first result of an unknown backend decide alone', () => {
    expect(after(UNDECIDED, [false], 2, 3).passing).toBe(false);
    expect(after(UNDECIDED, [true], 2, 3).passing).toBe(true);
  });

  it('needs `fall` failures to turn a backend in use, from the first result on', () => {
    expect(after(IN_USE, [false, false], 2, 3).passing).toBe(true);
    expect(after(IN_USE, [false, false, false], 2, 3).passing).toBe(false);
  });

  it('counts in a row: one result of the other kind begins anew', () => {
    expect(after(IN_USE, [false, false, true, false, false], 2, 3)).toEqual({ passing: true, good: false, inARow: 2 });
    expect(after(UNDECIDED, [false, true, false, true], 2, 3).passing).toBe(false);
    expect(after(UNDECIDED, [false, true, false, true, true], 2, 3).passing).toBe(true);
  });

  it('holds the verdict of the last run that reached its threshold, else of the first result', () => {
    const start = fc.constantFrom(UNDECIDED, IN_USE);
    fc.assert(
      fc.property(start, fc.array(fc.boolean(), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (from, results, rise, fall) => {
        expect(after(from, results, rise, fall).passing).toBe(verdictOf(from.passing, results, rise, fall));
      }),
    );
  });
});

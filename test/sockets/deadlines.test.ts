import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Deadlines, type Timed } from '../../core/src/sockets/deadlines.ts';

/** As in the source: how coarse the clock is. */
const TICK_MS = 50;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Entry implements Timed {
  deadline = Infinity;
  deadlineIndex = -1;
  readonly met: number[] = [];
  readonly #then: (entry: Entry) => void;

  constructor(then: (entry: Entry) => void = () => {}) {
    this.#then = then;
  }
  onDeadline(): void {
    this.met.push(performance.now());
    this.#then(this);
  }
}

it('meets a deadline never early, and at most two ticks late', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 1_000 }), (waitMs, ms) => {
    const deadlines = new Deadlines();
    const entry = new Entry();
    deadlines.add(entry);
    vi.advanceTimersByTime(waitMs);
    const from = performance.now();
    entry.deadline = deadlines.in(ms);
    vi.advanceTimersByTime(ms + 2 * TICK_MS);
    deadlines.remove(entry);
    expect(entry.met).toHaveLength(1);
    expect(entry.met[0]).toBeGreaterThanOrEqual(from + ms);
  }));
});

it('counts from now when the clock was read, though the last tick is long ago', () => {
  const deadlines = new Deadlines();
  const entry = new Entry();
  deadlines.add(entry);
  // As a blocked event loop does: time passes, no timer runs.
  vi.setSystemTime(0);
  const ticked = deadlines.now;
  const spy = vi.spyOn(performance, 'now').mockReturnValue(ticked + 500);
  expect(deadlines.readClock()).toBe(ticked + 500);
  expect(deadlines.in(100)).toBeGreaterThanOrEqual(ticked + 600);
  spy.mockRestore();
  deadlines.remove(entry);
});

it('is met once, and again only when it was set again', () => {
  const deadlines = new Deadlines();
  const entry = new Entry();
  deadlines.add(entry);
  entry.deadline = deadlines.in(10);
  vi.advanceTimersByTime(1_000);
  expect([entry.met.length, entry.deadline]).toEqual([1, Infinity]);
  entry.deadline = deadlines.in(10);
  vi.advanceTimersByTime(1_000);
  expect(entry.met).toHaveLength(2);
  deadlines.remove(entry);
});

it('runs no timer while nothing is watched', () => {
  const deadlines = new Deadlines();
  const [a, b] = [new Entry(), new Entry()];
  expect(vi.getTimerCount()).toBe(0);
  deadlines.add(a);
  deadlines.add(b);
  deadlines.remove(a);
  deadlines.remove(a);
  expect([vi.getTimerCount(), deadlines.size]).toEqual([1, 1]);
  deadlines.remove(b);
  expect([vi.getTimerCount(), deadlines.size]).toEqual([0, 0]);
});

it('meets each due deadline of those that stay, whoever leaves or comes during the sweep', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.array(fc.nat({ max: 14 }), { maxLength: 3 })), { minLength: 1, maxLength: 15 }), (plan) => {
    const deadlines = new Deadlines();
    const late = new Entry();
    const entries: Entry[] = plan.map(([, leavers]) => new Entry(() => {
      for (const index of leavers) if (entries[index]) deadlines.remove(entries[index]);
      if (late.deadlineIndex < 0) deadlines.add(late);
    }));
    for (const entry of entries) deadlines.add(entry);
    plan.forEach(([isDue], index) => (entries[index]!.deadline = isDue ? deadlines.in(1) : Infinity));
    vi.advanceTimersByTime(3 * TICK_MS);
    for (const [index, entry] of entries.entries()) {
      const [isDue] = plan[index]!;
      if (!isDue) expect(entry.met).toHaveLength(0);
      else if (entry.deadlineIndex >= 0) expect(entry.met).toHaveLength(1);
      else expect(entry.met.length).toBeLessThanOrEqual(1);
      deadlines.remove(entry);
    }
    deadlines.remove(late);
    expect(deadlines.size).toBe(0);
  }));
});

/** A few of the random schedules in each test run; `npm run schedules` plays as many as one has time for. */
import { describe, expect, it } from 'vitest';
import { seedOf } from './chance.ts';
import { watchBlocks } from './leftovers.ts';
import { playMany } from './play.ts';
import { scheduleOf, type Schedule } from './schedule.ts';

watchBlocks();

describe('random schedules of clients, origins and reloads', () => {
  it('violate no invariant', async () => {
    expect(await playMany({ count: 150, seed: 20_261_123, places: 8 })).toEqual([]);
  });

  it('are the same for the same seed', () => {
    const some = (): Schedule[] => Array.from({ length: 20 }, (_, index) => scheduleOf(seedOf(7, index)));
    expect(some()).toEqual(some());
    expect(new Set(some().map((one) => JSON.stringify(one))).size).toBe(20);
  });
});

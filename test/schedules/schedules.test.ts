/** A few of the random schedules in each test run; `npm run schedules` plays as many as one has time for. */
import { describe, expect, it } from 'vitest';
import { seedOf } from './chance.ts';
import { watchBlocks } from './leftovers.ts';
import { playAlone, playMany } from './play.ts';
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

describe('a schedule that once violated one', () => {
  it("half a pipelined body before the FIN, where halfClose is 'serve': the request ended by bodyMs only", async () => {
    const reply = { interims: [], status: 200, framing: 'length', bodyBytes: 40, surplus: 0, broken: '', saysClose: false, agrees: false } as const;
    const request = { version: '1.1', isUpgrade: false, broken: '', expects100: false, isLast: false } as const;
    expect(await playAlone({
      protocol: 'http', halfClose: 'serve', finishes: true,
      clients: [[
        { ...request, method: 'GET', framing: 'none', bodyBytes: 0, reply: { ...reply, bodyBytes: 43_831, broken: 'chunk' } },
        { ...request, method: 'PUT', framing: 'length', bodyBytes: 2_725, reply },
      ], []],
      steps: [{ do: 'send', client: 0, upTo: 'message' }, { do: 'send', client: 0, upTo: 'half' }, { do: 'client ends', client: 0, how: 'end' }],
    })).toEqual([]);
  });
});

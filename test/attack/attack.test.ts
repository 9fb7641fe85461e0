/** The attacks in small: that they are made, and that nobody else notices. The figures that count are those of `npm run attack`. */
import { expect, it } from 'vitest';
import { attack } from './attack.ts';
import { SLOW_MODES } from './modes.ts';

it.concurrent.each(SLOW_MODES)('200 slow clients (%s) are served no worse than they deserve, and the others as ever', async (mode) => {
  const { client, attacker, hits } = await attack(mode, { connections: 200, seconds: 1.2, perSecond: 100, warmUpMs: 100 });
  expect(attacker).toMatchObject({ opened: 200, most: 200, answers: {} });
  expect([client.errors, hits]).toEqual([0, {}]);
  expect(client.requests).toBeGreaterThanOrEqual(100);
});

/** Steelyard against the table, over real sockets: what got through counts, byte for byte. */
import { afterAll, describe, expect, it } from 'vitest';
import { expectClear } from '../e2e/support/balancer.ts';
import { differences } from './judge.ts';
import { Bench } from './run.ts';
import { startSteelyard } from './steelyard.ts';
import { TABLE, titleOf } from './table.ts';

let ledger: () => object = () => ({});
const bench = await Bench.start(async (originPorts) => {
  const steelyard = await startSteelyard(originPorts);
  ledger = () => steelyard.ledger();
  return steelyard;
});
const observed = await bench.run(TABLE);
await bench.stop();
void ledger; void expectClear; void afterAll;

describe('the table', () => {
  it.each(TABLE.map((one, place) => [titleOf(one), one, observed[place]!] as const))('%s', (_title, one, seen) => {
    expect(differences(one, seen)).toEqual([]);
  });

  it('has a name for each case', () => {
    const titles = TABLE.map(titleOf);
    expect(titles.filter((title, place) => titles.indexOf(title) !== place)).toEqual([]);
  });
});

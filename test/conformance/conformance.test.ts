/** Steelyard against the table, over real sockets: what got through counts, byte for byte. */
import { describe, expect, it } from 'vitest';
import { expectClear } from '../e2e/support/balancer.ts';
import { differences } from './judge.ts';
import { Bench } from './run.ts';
import { startSteelyard } from './steelyard.ts';
import { TABLE, titleOf } from './table.ts';

const steelyard = startSteelyard();
const bench = await Bench.start(steelyard.start);
const observed = await bench.run(TABLE);
await bench.stop();

describe('the table', () => {
  it.each(TABLE.map((one, place) => [titleOf(one), one, observed[place]!] as const))('%s', (_title, one, seen) => {
    expect(differences(one, seen)).toEqual([]);
  });

  it('has a name for each case', () => {
    const titles = TABLE.map(titleOf);
    expect(titles.filter((title, place) => titles.indexOf(title) !== place)).toEqual([]);
  });

  it('has all rows on HTTP/1.1', () => {
    expect([...new Set(TABLE.map(({ row }) => row))].sort((one, other) => one - other)).toEqual(Array.from({ length: 51 }, (_, row) => row + 1));
  });

  it('leaves nothing open', () => {
    expectClear(steelyard.balancer());
  });
});

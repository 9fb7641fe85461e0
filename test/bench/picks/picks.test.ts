import { describe, expect, it } from 'vitest';
import { BOXED_NUMBER_BYTES, bytesOf } from './bytes.ts';
import { DEFAULT_ROUNDS, parseOptions } from './options.ts';
import { type Measured, verdicts } from './report.ts';
import { createStand } from './stand.ts';
import { strategyNames, strategyUse } from './strategies.ts';

const KNOWN = ['p2c', 'random'];

describe('options of bench:picks', () => {
  it('measures every strategy and saves when nothing is said', () => {
    expect(parseOptions([], KNOWN)).toEqual({ rounds: DEFAULT_ROUNDS, strategies: KNOWN, save: true, help: false });
  });
  it('does not save what is less than the whole bench, unless told to', () => {
    expect(parseOptions(['--only', 'p2c'], KNOWN)).toMatchObject({ strategies: ['p2c'], save: false });
    expect(parseOptions(['--rounds', '3', '--save'], KNOWN)).toMatchObject({ rounds: 3, save: true });
  });
  it.each([['--rounds', '0'], ['--rounds', 'many'], ['--only', 'p3c'], ['--other', '1']])('refuses %s %s', (...args) => {
    expect(() => parseOptions(args, KNOWN)).toThrow();
  });
});

describe('strategies of bench:picks', () => {
  it('are those of the folder of plugins, and no other plugins', async () => {
    const names = await strategyNames();
    expect(names).toEqual(expect.arrayContaining(['round-robin', 'sticky', 'weighted-round-robin']));
    expect(names).not.toEqual(expect.arrayContaining(['http-check']));
  });
});

describe('bars of bench:picks', () => {
  const at = (backends: number, ns: number, bytesPerPick = 0) => ({ backends, pickNs: { median: ns, low: ns, high: ns }, leaseNs: { median: 1, low: 1, high: 1 }, bytesPerPick });
  const judged = (strategy: string, ...mixed: ReturnType<typeof at>[]): boolean[] => {
    const measured: Measured[] = [{ strategy, alone: mixed.map(({ backends }) => at(backends, 1)), mixed }];
    return verdicts(measured).map(({ isMet }) => isMet);
  };
  it('are judged after the mixed warm-up, each size by its own', () => {
    expect(judged('p2c', at(10, 100), at(100, 101), at(1_000, 101))).toEqual([true, true, false]);
  });
  it('let no pick allocate at any size, whatever its time; where there is no bar in time, no more than a boxed number', () => {
    expect(judged('p2c', at(2, 1, 16), at(10, 1, 16))).toEqual([false, false]);
    expect(judged('sticky', at(10, 1e9), at(1_000, 1, 16))).toEqual([true, true]);
    expect(judged('trace', at(2, 1, 16), at(10, 1, 32))).toEqual([true, false]);
  });
});

describe('a pick on the pool of the product', () => {
  it('allocates nothing but what chance costs, in those too that count, compare, read or tell beside it', async () => {
    const names = ['prequal', 'shadow', 'split', 'sticky', 'trace'];
    const stands = await Promise.all(names.map(async (name) => createStand(await strategyUse(name), 10)));
    // As in `mixed`: call sites that have seen so many are not inlined, which would hide what is made and thrown away within a pick.
    for (const stand of stands) stand.pick(20_000);
    const costs = stands.map((stand, at) => [names[at], bytesOf(stand.pick, 20_000, 60, BOXED_NUMBER_BYTES)] as const);
    expect(costs.filter(([, bytes]) => bytes > BOXED_NUMBER_BYTES)).toEqual([]);
  });
});

/** A strategy's callbacks × every misdeed: each case is a pool of its own, and the core's own order takes over where the strategy fails. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineStrategy, type StrategyInstance } from '@steelyard/sdk';
import { NONSENSE, PROMISES, RECURSION, THROWN, thrower, TRAPS } from './misdeeds.ts';
import { ask, type Rig, startRig, type Witness, witness } from './rig.ts';

const CALLBACKS = ['update', 'select', 'onStart', 'onHead', 'onEnd'] as const;
const FAULTS: [string, () => unknown][] = [
  ...THROWN.map((one): [string, () => unknown] => [`throws ${one.does}`, thrower(one)]),
  ['recurses without end', RECURSION],
  ...[...PROMISES, ...TRAPS].map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]),
];
interface Case {
  readonly callback: (typeof CALLBACKS)[number];
  readonly name: string;
  readonly fn: () => unknown;
  readonly id: string;
}
const cases: Case[] = CALLBACKS.flatMap((callback) => FAULTS.map(([name, fn], index): Case => ({ callback, name, fn, id: `${callback.toLowerCase()}-${index}` })));
for (const { does, make } of NONSENSE) cases.push({ callback: 'select', name: `returns ${does}`, fn: make, id: `select-${cases.length}` });

let rig: Rig;
let origins: Witness[];
beforeAll(async () => {
  origins = [await witness(), await witness()];
  const backends = origins.map(({ url }) => url);
  const strategyOf = ({ id, callback, fn }: Case) => defineStrategy<{}>({
    name: id, options: {},
    create: (): StrategyInstance => ({
      update() {}, select: (_exchange, pool) => pool.backends[0], onStart() {}, onEnd() {}, onHead: (_lease, head) => head.setHeader('x-head', '1'), [callback]: fn,
    }),
  })();
  rig = await startRig({
    pools: { web: { backends }, ...Object.fromEntries(cases.map((one) => [one.id, { backends, strategy: strategyOf(one) }])) },
    routes: [...cases.map(({ id }) => ({ name: id, match: { path: `/${id}` }, pool: id })), { name: 'good', pool: 'web' }] as never,
  });
});
afterAll(async () => {
  await rig.stop();
  for (const origin of origins) await origin.close();
});

describe.each(CALLBACKS)('%s of a strategy that', (callback) => {
  it.each(cases.filter((one) => one.callback === callback).map((one): [string, Case] => [one.name, one]))('%s: every request is served', async (_name, { id }) => {
    for (let i = 0; i < 3; i++) expect((await ask(rig.port(), `/${id}`)).body).toBe('origin');
    // `update` fails at the switch, and again where a pick finds that it was missed.
    expect(await rig.failures(id, callback === 'select' ? 'selectBackend' : callback)).toBe(callback === 'update' ? 1 : 3);
    if (callback === 'update') expect(await rig.failures(id, 'selectBackend')).toBe(3);
    expect((await ask(rig.port(), '/good')).body).toBe('origin');
  });
});

/** What fails while a config is being brought to life: the reload is refused, whatever was thrown, and the old config goes on serving. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineDiscovery, defineExporter, defineHealthCheck, defineStrategy, type Config } from '@steelyard/sdk';
import { NONSENSE, PROMISES, THROWN, thrower, TRAPS } from './misdeeds.ts';
import { ask, plugin, type Rig, startRig, type Witness, witness } from './rig.ts';

let rig: Rig;
let origin: Witness;
beforeAll(async () => {
  origin = await witness();
  rig = await startRig(good({}));
});
afterAll(async () => {
  await rig.stop();
  await origin.close();
});
function good(more: Partial<Config>, pool: object = {}): Partial<Config> & Pick<Config, 'pools'> {
  return { listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }], pools: { web: { backends: [origin.url], ...pool } }, routes: [{ pool: 'web' }], setupLimitMs: 40, ...more };
}

const THROWS = THROWN.map((one): [string, () => unknown] => [`throws ${one.does}`, thrower(one)]);
const REJECTS = THROWN.slice(0, 6).map((one): [string, () => unknown] => [`rejects with ${one.does}`, async () => thrower(one)()]);
const RETURNS = [...NONSENSE, ...TRAPS].map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]);
const PROMISED = PROMISES.map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]);
const SCHEDULE = { intervalMs: 50, timeoutMs: 50, rise: 1, fall: 1, jitter: 0 };

type Make = () => object;
const strategy = (create: () => unknown): Make => () => good({}, { strategy: defineStrategy<{}>({ name: 'bad', options: {}, create: create as never })() });
const check = (create: () => unknown): Make => () => good({}, { health: defineHealthCheck<{}>({ name: 'bad', options: {}, create: create as never })() });
const discovery = (watch: (update: (list: never) => void) => unknown): Make => () => good({}, { backends: defineDiscovery<{}>({ name: 'bad', options: {}, watch: watch as never })() });
const exporter = (start: () => unknown): Make => () => good({ plugins: [defineExporter<{}>({ name: 'bad', options: {}, start: start as never })()] });
const setup = (fn: (host: never) => unknown): Make => () => good({ plugins: [plugin('bad', fn as never)] });

const CASES: [string, string, Make][] = [
  ...[...THROWS, ...RETURNS, ...PROMISED].map(([name, fn]): [string, string, Make] => ['create of a strategy', name, strategy(fn)]),
  ...[...THROWS, ...RETURNS, ...PROMISED].map(([name, fn]): [string, string, Make] => ['create of a health check', name, check(fn)]),
  ...[...THROWS, ...REJECTS, ['never settles', () => new Promise(() => {})] as const].map(([name, fn]): [string, string, Make] => ['setup', name, setup(fn)]),
  ...[...THROWS, ...REJECTS, ['never settles', () => new Promise(() => {})] as const].map(([name, fn]): [string, string, Make] => ['start of an exporter', name, exporter(fn)]),
  ...[...THROWS, ...REJECTS].map(([name, fn]): [string, string, Make] => ['watch of a discovery', name, discovery(fn)]),
  ...[...NONSENSE, ...TRAPS].filter(({ does }) => does !== 'a list').map(({ does, make }): [string, string, Make] => ['watch of a discovery', `publishes ${does}`, discovery((update) => update(make() as never))]),
  ...[['null', null], ['NaN', Number.NaN], ['a backend without a url', {}], ['a url that is none', 'http://'], ['port 99999', 'http://a:99999'], ['weight NaN', { url: 'http://127.0.0.1:1', weight: Number.NaN }], ['the same twice', 'twice']]
    .map(([name, entry]): [string, string, Make] => ['watch of a discovery', `publishes a list with ${name as string}`, discovery((update) => update((entry === 'twice' ? ['http://127.0.0.1:1', 'http://127.0.0.1:1'] : [entry]) as never))]),
  ...(['update', 'select', 'onEnd'] as const).map((name): [string, string, Make] => ['create of a strategy', `gives ${name} that is no function`, strategy(() => ({ update() {}, select() {}, [name]: 7 }))]),
  ['create of a health check', 'gives an interval of NaN', check(() => ({ probe() {}, schedule: { ...SCHEDULE, intervalMs: Number.NaN } }))],
  ['create of a health check', 'gives an interval longer than a timer can be', check(() => ({ probe() {}, schedule: { ...SCHEDULE, intervalMs: 3e9 } }))],
  ['create of a health check', 'gives an ejection longer than a timer can be', check(() => ({ observe() {}, ejection: { failures: 1, ejectMs: 3e9, maxEjectMs: 3e9 } }))],
  ['create of a health check', 'gives an interval through a getter that changes its mind', check(() => {
    let asked = 0;
    return { probe() {}, schedule: { ...SCHEDULE, get intervalMs() { return asked++ === 0 ? Number.NaN : 50; } } };
  })],
  ['setup', 'taps behind its own end, while others are being set up', () => good({
    plugins: [plugin('late', ({ hooks }) => void Promise.resolve().then(() => Promise.resolve()).then(() => hooks.onRequest.tap(() => undefined)).catch(() => {})), plugin('other', async () => new Promise((resolve) => setTimeout(resolve, 5)))],
  })],
];

describe('a reload is refused, and the old config serves on, when', () => {
  it.each(CASES)('%s %s', async (_where, _name, config) => {
    const before = rig.balancer.describe().generation;
    await expect(rig.balancer.reload(config() as Config)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(PLUGIN_CREATE|PLUGIN_DEFINITION|PLUGIN_LATE_TAP|DISCOVERY)$/) as unknown });
    expect(rig.balancer.describe().generation).toBe(before);
    expect((await ask(rig.port())).body).toBe('origin');
  });
});

describe('where in the plugin it was', () => {
  it('stands in the log, once', async () => {
    const before = rig.lines.length;
    const config = good({}, { strategy: defineStrategy<{}>({ name: 'broken-build', options: {}, create: () => {
      throw new Error('no table');
    } })() });
    await expect(rig.balancer.reload(config as Config)).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE' });
    const told = rig.lines.slice(before).map((line) => JSON.parse(line) as { stack?: string }).filter(({ stack }) => stack !== undefined);
    expect(told).toEqual([expect.objectContaining({ plugin: 'broken-build', hook: 'set-up', error: 'no table', stack: expect.stringMatching(/^Error: no table\n +at .*loading\.test\.ts/s) as string })]);
  });
});

describe('an end that fails', () => {
  it.each([...THROWS, ...REJECTS])('in defer, which %s, is counted; the others run, and the next config serves', async (_name, fn: () => void) => {
    const ran: string[] = [];
    await rig.balancer.reload(good({
      plugins: [plugin('bad-end', (host) => {
        host.defer(() => void ran.push('first'));
        host.defer(fn);
      })],
    }) as Config);
    await rig.balancer.reload(good({}) as Config);
    await expect.poll(() => ran).toEqual(['first']);
    expect((await ask(rig.port())).body).toBe('origin');
  });
});

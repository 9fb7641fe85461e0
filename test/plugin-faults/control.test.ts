/** What runs beside the traffic × every misdeed: health checks, discoveries, exporters, timers, `onHealthChange`. */
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineDiscovery, defineExporter, defineHealthCheck, type BackendSpec, type HealthCheckInstance } from '@steelyard/sdk';
import { FAILURES_IN_A_ROW } from '../../core/src/plugins/quarantine.ts';
import { NONSENSE, PROMISES, RECURSION, THROWN, thrower, TRAPS } from './misdeeds.ts';
import { ask, plugin, type Rig, startRig, type Witness, witness } from './rig.ts';

const THROWS = [...THROWN.map((one): [string, () => unknown] => [`throws ${one.does}`, thrower(one)]), ['recurses without end', RECURSION] as [string, () => unknown]];
const REJECTS = THROWN.map((one): [string, () => unknown] => [`rejects with ${one.does}`, async () => thrower(one)()]);
const RETURNS = NONSENSE.map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]);
const TRAPPED = TRAPS.map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]);
const PROMISED = PROMISES.map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]);
/** A promise that nobody must wait for: its own `then` or `constructor` throws. */
const ODD = PROMISED.filter(([name]) => name.includes('throws'));

const id = (kind: string, index: number): string => `${kind}-${index}`;
const SCHEDULE = { intervalMs: 20, timeoutMs: 200, rise: 1, fall: 1, jitter: 0 };
const check = (name: string, instance: HealthCheckInstance) => defineHealthCheck<{}>({ name, options: {}, create: () => instance })();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let origin: Witness;
beforeAll(async () => {
  origin = await witness();
});
afterAll(() => origin.close());

describe('a probe that', () => {
  const down: [string, () => unknown][] = [...THROWS, ...REJECTS, ['gives false', async () => false], ['returns a thenable that throws', PROMISES[3]!.make], ['never settles', () => new Promise(() => {})]];
  const up: [string, () => unknown][] = [...RETURNS, ['resolves with true', async () => true]];
  let rig: Rig;
  beforeAll(async () => {
    const pools = [...down, ...up].map(([, probe], index) => [id('probe', index), { backends: [origin.url], health: check(id('probe', index), { schedule: SCHEDULE, probe: probe as () => Promise<void> }) }] as const);
    rig = await startRig({
      pools: { web: { backends: [origin.url] }, ...Object.fromEntries(pools) },
      routes: [...pools.map(([name]) => ({ name, match: { path: `/${name}` }, pool: name })), { name: 'good', pool: 'web' }] as never,
    });
  });
  afterAll(() => rig.stop());
  it.each(down.map(([name], index): [string, number] => [name, index]))('%s: the backend is down in its pool, and in no other', async (_name, index) => {
    expect((await ask(rig.port(), `/${id('probe', index)}`)).status).toBe(503);
    expect((await ask(rig.port(), '/good')).status).toBe(200);
  });
  it.each(up.map(([name], index): [string, number] => [name, index + down.length]))('%s: it did not reject, so the check was good', async (_name, index) => {
    expect((await ask(rig.port(), `/${id('probe', index)}`)).status).toBe(200);
  });
});

describe('observe that', () => {
  const faults = [...THROWS, ...RETURNS.filter(([name]) => name !== 'returns true'), ...TRAPPED, ...PROMISED];
  let rig: Rig;
  beforeAll(async () => {
    const pools = faults.map(([, observe], index) => [id('observe', index), { backends: [origin.url], health: check(id('observe', index), { ejection: { failures: 1, ejectMs: 60_000, maxEjectMs: 60_000 }, observe: observe as () => boolean }) }] as const);
    rig = await startRig({ pools: Object.fromEntries(pools), routes: pools.map(([name]) => ({ name, match: { path: `/${name}` }, pool: name })) });
  });
  afterAll(() => rig.stop());
  it.each(faults.map(([name], index): [string, string] => [name, id('observe', index)]))('%s says nothing: nobody is ejected', async (_name, name) => {
    for (let i = 0; i <= FAILURES_IN_A_ROW; i++) expect((await ask(rig.port(), `/${name}`)).status).toBe(200);
    expect([await rig.failures(name, 'observe'), await rig.shut(name, 'observe')]).toEqual([FAILURES_IN_A_ROW, 1]);
  });
});

describe('onHealthChange of plugins that', () => {
  it('do everything wrong at once are each counted, and the flips go on', async () => {
    let isGood = true;
    const faults = [...THROWS, ...TRAPPED, ...PROMISED];
    const heard: string[] = [];
    const bad = faults.map(([, fn], index) => plugin(id('flip', index), ({ hooks }) => hooks.onHealthChange.tap(fn)));
    const toggled = check('toggled', { schedule: { ...SCHEDULE, intervalMs: 2 }, probe: async () => {
      if (!isGood) throw new Error('down');
    } });
    const rig = await startRig({
      pools: { web: { backends: [origin.url], health: toggled } }, routes: [{ pool: 'web' }],
      plugins: [...bad, plugin('good', ({ hooks }) => hooks.onHealthChange.tap(({ to }) => void heard.push(to)))] as never,
    });
    for (let flips = heard.length; flips < 12; flips++) {
      isGood = !isGood;
      await expect.poll(() => heard.at(-1), { interval: 2 }).toBe(isGood ? 'up' : 'down');
    }
    for (const [index] of faults.entries()) expect([await rig.failures(id('flip', index), 'onHealthChange'), await rig.shut(id('flip', index), 'onHealthChange')]).toEqual([FAILURES_IN_A_ROW, 1]);
    await rig.stop();
  });
});

describe('a discovery that, after a good list,', () => {
  let publish: (list: readonly (string | BackendSpec)[]) => void = () => {};
  let end: (fate: unknown) => void = () => {};
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({
      pools: { web: { backends: defineDiscovery<{}>({ name: 'found', options: {}, watch: (update) => {
        publish = update;
        update([origin.url]);
        return new Promise((_resolve, reject) => (end = reject));
      } })() } },
      routes: [{ pool: 'web' }],
    });
  });
  afterAll(() => rig.stop());
  const lists: [string, () => unknown][] = [
    ...[...NONSENSE, ...TRAPS, ...PROMISES].filter(({ does }) => does !== 'a list').map(({ does, make }): [string, () => unknown] => [does, make]),
    ['a list of null', () => [null]], ['a list of what is no address', () => ['http://a b']], ['a backend twice', () => [origin.url, origin.url]],
    ['a weight of NaN', () => [{ url: origin.url, weight: Number.NaN }]], ['a port over all ports', () => ['http://127.0.0.1:70000']],
    ['a list with a getter that throws', () => [{ get url(): never { throw new Error('url'); } }]],
  ];
  it.each(lists)('publishes %s keeps the good one', async (_name, make) => {
    const before = await rig.failures('found', 'watch');
    publish(make() as never);
    expect(await rig.failures('found', 'watch')).toBe(before + 1);
    expect((await ask(rig.port())).body).toBe('origin');
  });
  it('changes the list that it published changes nothing: it was copied', async () => {
    const spec = { url: origin.url, labels: { a: 'b' } };
    const list = [spec];
    publish(list);
    spec.url = 'http://127.0.0.1:9';
    list.length = 0;
    expect((await ask(rig.port())).body).toBe('origin');
  });
  it('rejects keeps the good one', async () => {
    end(Object.create(null));
    await expect.poll(() => rig.failures('found', 'watch')).toBe(lists.length + 1);
    expect((await ask(rig.port())).body).toBe('origin');
  });
});

describe('what an exporter serves, when it', () => {
  type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;
  const faults: [string, Handler, number][] = [
    ...[...THROWS, ...REJECTS, ...ODD].map(([name, fn]): [string, Handler, number] => [name, fn, 500]),
    ['writes half an answer and throws', (_request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half');
      throw new Error('half');
    }, 0],
    ['writes behind the end', (_request, response) => void response.end('ok').write('more'), 200],
    ['sends a head twice', (_request, response) => void response.writeHead(200).end('ok').writeHead(200), 200],
    ['sends a header that is none', (_request, response) => void response.setHeader('x', 'a\r\nb'), 500],
    ['destroys the connection', (_request, response) => void response.destroy(new Error('gone')), 0],
  ];
  let rig: Rig;
  let handler: Handler = () => {};
  beforeAll(async () => {
    rig = await startRig({
      pools: { web: { backends: [origin.url] } }, routes: [{ pool: 'web' }],
      plugins: [defineExporter<{}>({ name: 'server', options: {}, start: async (_options, host) => void (await host.serve({ port: 0 }, (request, response) => handler(request, response) as Promise<void>)) })()],
    });
  });
  afterAll(() => rig.stop());
  const served = (): number => rig.balancer.describe().served[0]!.port;
  it.each(faults)('%s', async (_name, fn, status) => {
    handler = fn;
    expect((await ask(served(), '/', {}, new http.Agent())).status).toBe(status);
    if (status === 500) expect(await rig.failures('server', 'serve')).toBeGreaterThan(0);
    handler = (_request, response) => response.end('fine');
    expect((await ask(served())).body).toBe('fine');
    expect((await ask(rig.port())).body).toBe('origin');
  });
  it('never answers, keeps that asker waiting and nobody else; the stop cuts it off', async () => {
    handler = () => new Promise(() => {});
    const waiting = ask(served(), '/', {}, new http.Agent());
    handler = (_request, response) => response.end('fine');
    expect((await ask(served())).body).toBe('fine');
    void waiting.catch(() => {});
  });
});

describe('a timer of the host that', () => {
  // What an `await` of a promise with a `then` of its own looks at is the promise: that one is good.
  it.each([...THROWS.slice(0, 3), ...REJECTS.slice(0, 3), ...TRAPPED, ...ODD.filter(([name]) => !name.includes('own `then`'))])('%s is counted, and called again', async (_name, fn) => {
    let calls = 0;
    const rig = await startRig({ pools: { web: { backends: [origin.url] } }, routes: [{ pool: 'web' }], plugins: [plugin('timed', (host) => void host.every(1, () => {
      calls++;
      return fn() as void;
    }))] });
    await expect.poll(() => calls, { interval: 1 }).toBeGreaterThan(2);
    expect(await rig.failures('timed', 'timer')).toBeGreaterThan(1);
    await rig.stop();
    const atEnd = calls;
    await pause(5);
    expect(calls).toBe(atEnd);
  });
  it('never settles is not called again: its calls never overlap', async () => {
    let calls = 0;
    const rig = await startRig({ pools: { web: { backends: [origin.url] } }, routes: [{ pool: 'web' }], plugins: [plugin('timed', (host) => void host.every(1, () => {
      calls++;
      return new Promise(() => {});
    }))] });
    await pause(20);
    expect(calls).toBe(1);
    await rig.stop();
  });
});

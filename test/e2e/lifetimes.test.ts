/** What lives longer than one exchange or one generation, and what must not. */
import net from 'node:net';
import v8 from 'node:v8';
import vm from 'node:vm';
import { defineDiscovery, defineHealthCheck, definePlugin } from '@steelyard/sdk';
import { createBalancer } from '@steelyard/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { httpOrigin, namedOrigin, rawOrigin, scriptedOrigin } from './support/origin.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
async function eventually(isTrue: () => boolean, ms = 3_000): Promise<void> {
  const until = performance.now() + ms;
  while (!isTrue() && performance.now() < until) await pause(5);
  expect(isTrue()).toBe(true);
}

describe('onRequest', () => {
  it('is not called for an exchange whose onResponse was told', async () => {
    const order: string[] = [];
    let release: () => void = () => {};
    const slow = definePlugin<{}>({
      name: 'slow', options: {},
      setup: (_o, host) => host.hooks.onRequest.tapPromise(() => new Promise<undefined>((resolve) => (release = () => resolve(undefined)))),
    });
    const gate = definePlugin<{}>({
      name: 'gate', options: {},
      setup: (_o, host) => {
        host.hooks.onRequest.tap(() => void order.push('begin'));
        host.hooks.onResponse.tap(() => void order.push('end'));
      },
    });
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), plugins: [slow(), gate()] });
    const client = await RawClient.connect(port);
    client.send(GET);
    await pause(30);
    client.socket.destroy();
    await eventually(() => order.includes('end'));
    release();
    await pause(20);
    expect(order).toEqual(['end']);
  });
});

describe('a discovery of a generation that was superseded', () => {
  it('does not change settings of backends that the newest generation has set', async () => {
    const { url } = await rawOrigin((socket) => void socket.on('data', () => {})); // answers nothing: holds the old generation open
    const lists: ((list: { url: string; drain?: boolean; maxInFlight?: number }[]) => void)[] = [];
    const poll = defineDiscovery<{}>({ name: 'poll', options: {}, watch: (update) => { lists.push(update); update([{ url }]); } });
    const { balancer, port } = await start({ ...proxyTo(), pools: { web: { backends: poll() } } });
    const client = await RawClient.connect(port);
    client.send(GET);
    await eventually(() => balancer.ledger().leasesOpened === 1);
    // The operator pins the list, and drains the backend.
    await balancer.reload({ log: { level: 'silent' }, ...proxyTo(), listeners: [{ port: 0, host: '127.0.0.1' }], pools: { web: { backends: [{ url, drain: true }] } } });
    const fresh = await RawClient.connect(balancer.address().port);
    fresh.send(GET);
    await fresh.until('503');
    lists[0]!([{ url }]); // the old generation still polls
    const other = await RawClient.connect(balancer.address().port);
    other.send(GET);
    await pause(100);
    expect(balancer.ledger().leasesOpened).toBe(1);
    expect(other.received).toContain('503');
  });
});

describe('a backend that comes back while an old generation lives', () => {
  it('is not kept down by a check that nobody runs any more', async () => {
    const make = (name: string, isGood: boolean) => defineHealthCheck<{}>({
      name, options: {},
      create: () => ({ probe: async () => { if (!isGood) throw new Error('bad'); }, schedule: { intervalMs: 20, jitter: 0, timeoutMs: 1_000, rise: 1, fall: 1 } }),
    })();
    const stuck = await rawOrigin((socket) => void socket.on('data', () => {}));
    const other = await namedOrigin('other');
    const base = { log: { level: 'silent' as const }, listeners: [{ port: 0, host: '127.0.0.1' }], routes: [{ pool: 'web', match: { path: '/web' } }, { pool: 'hold' }] };
    const hold = { backends: [stuck.url] };
    const { balancer, port } = await start({ ...base, pools: { hold, web: { backends: [other.url], health: make('old-check', false) } } });
    const client = await RawClient.connect(port);
    client.send(GET); // an exchange that keeps generation 1 alive
    await eventually(() => balancer.ledger().leasesOpened === 1);
    await eventually(() => balancer.describe().pools.find(({ name }) => name === 'web')!.backends[0]!.health === 'down');
    await balancer.reload({ ...base, pools: { hold, web: { backends: [stuck.url], health: make('old-check', false) } } });
    await balancer.reload({ ...base, pools: { hold, web: { backends: [other.url], health: make('new-check', true) } } });
    await pause(200);
    const [backend] = balancer.describe().pools.find(({ name }) => name === 'web')!.backends;
    expect(backend).toMatchObject({ health: 'up', marks: [] });
  });
});

describe('a reload that is refused', () => {
  it('leaves the log level as it was', async () => {
    const { url } = await namedOrigin('x');
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const lines: string[] = [];
    const { pino } = await import('pino');
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const { balancer } = await start({ ...proxyTo(url), log: { level: 'info' } }, { logger, followsLogLevel: true });
    const taker = (taken.address() as net.AddressInfo).port;
    await expect(balancer.reload({ ...proxyTo(url), log: { level: 'silent' }, listeners: [{ port: taker, host: '127.0.0.1' }] })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    expect(logger.level).toBe('info');
    expect(lines.join('')).toContain('reload refused');
  });
});

describe('onConnect', () => {
  it('of a plugin on a route or a pool is not ignored in silence: it would let everybody in', async () => {
    const { url } = await namedOrigin('x');
    const filter = definePlugin<{}>({ name: 'ip-filter', options: {}, setup: (_o, host) => host.hooks.onConnect.tap(() => ({ refuse: 'all' })) });
    const balancer = createBalancer({ log: { level: 'silent' }, ...proxyTo(url), pools: { web: { backends: [url], plugins: [filter()] } } });
    onTestFinished(() => balancer.stop({ drainLimitMs: 100 }));
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE' });
  });
});

describe('a backend that leaves and comes back', () => {
  it('still has its leases, so its limit holds', async () => {
    const { url } = await rawOrigin((socket) => void socket.on('data', () => {}));
    let publish: (list: { url: string; maxInFlight?: number }[]) => void = () => {};
    const poll = defineDiscovery<{}>({ name: 'poll', options: {}, watch: (update) => { publish = update; update([{ url, maxInFlight: 1 }]); } });
    const { balancer, port } = await start({ ...proxyTo(), pools: { web: { backends: poll() } } });
    (await RawClient.connect(port)).send(GET);
    await eventually(() => balancer.ledger().leasesOpened === 1);
    publish([]);
    publish([{ url, maxInFlight: 1 }]);
    const client = await RawClient.connect(port);
    client.send(GET);
    await pause(100);
    expect(balancer.ledger().leasesOpened).toBe(1);
    expect(client.received).toContain('503');
  });
});

describe('a client that reads slowly', () => {
  it('is not held against the backend when the response began before the request ended', async () => {
    const outcomes: string[] = [];
    const spy = definePlugin<{}>({ name: 'spy', options: {}, setup: (_o, host) => host.hooks.onAttempt.tap((_e, _b, outcome) => void outcomes.push(outcome.kind)) });
    const flood = Buffer.alloc(8_000_000, 'x');
    const { url } = await rawOrigin((socket) => {
      socket.once('data', () => { socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${flood.length * 4}\r\n\r\n`); for (let i = 0; i < 4; i++) socket.write(flood); });
      socket.on('data', () => {});
    });
    const { port } = await start({ ...proxyTo(url), pools: { web: { backends: [url], timeouts: { responseMs: 200 } } }, listeners: [{ port: 0, host: '127.0.0.1', timeouts: { writeMs: 5_000 } }], plugins: [spy()] });
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
    await pause(150);
    client.send('cd'); // the request is complete now, while its client does not read
    await pause(700);
    expect(outcomes).toEqual([]);
  });
});

describe('halfClose serve', () => {
  it('answers every request that came before the FIN', async () => {
    const { url } = await httpOrigin((request, response) => void setTimeout(() => response.end(`<${request.url}>`), 30));
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', halfClose: 'serve' }] });
    const client = await RawClient.connect(port);
    client.socket.end(['/1', '/2'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    expect((await client.closed()).match(/<\/\d>/g)).toEqual(['</1>', '</2>']);
  });
});

describe('what nobody uses any more', () => {
  it('does not keep a config of long ago alive', async () => {
    // A burst leaves many exchange objects; later traffic uses only the one on top.
    const { url } = await httpOrigin((_request, response) => void setTimeout(() => response.end('x'), 20));
    const config = (mark: object) => ({ ...proxyTo(url), pools: { web: { backends: [url], plugins: [definePlugin<{}>({ name: 'big', options: {}, setup: (_o, host) => host.hooks.onResponse.tap(() => void mark) })()] } } });
    let mark: object | undefined = { big: true };
    const ref = new WeakRef(mark);
    const { balancer, port } = await start({ log: { level: 'silent' }, ...config(mark) });
    const burst = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(port)));
    for (const client of burst) client.send(GET);
    await Promise.all(burst.map((client) => client.until('200')));
    await pause(50);
    for (const client of burst) client.socket.destroy();
    mark = undefined;
    await balancer.reload({ log: { level: 'silent' }, ...proxyTo(url) });
    for (let i = 0; i < 3; i++) {
      const one = await RawClient.connect(port);
      one.send(GET);
      await one.until('200');
    }
    await pause(300);
    v8.setFlagsFromString('--expose-gc');
    const gc = vm.runInNewContext('gc') as () => void;
    for (let i = 0; i < 5; i++) { gc(); await pause(10); }
    expect(ref.deref()).toBeUndefined();
  });
});

describe('a list that a discovery publishes during the warm-up', () => {
  it('does not let the check of who left mark who has its row now', async () => {
    let publish: (list: string[]) => void = () => {};
    const fails: (() => void)[] = [];
    const slowCheck = defineHealthCheck<{}>({ name: 'slow-check', options: {}, create: () => ({
      probe: (backend) => new Promise<void>((resolve, reject) => (backend.port === 1 ? fails.push(() => reject(new Error('gone'))) : backend.port === 2 ? setTimeout(resolve, 150) : undefined)),
      schedule: { intervalMs: 60_000, jitter: 0, timeoutMs: 50_000, rise: 1, fall: 1 },
    }) });
    const poll = defineDiscovery<{}>({ name: 'poll', options: {}, watch: (update) => { publish = update; update(['http://127.0.0.1:1', 'http://127.0.0.1:2']); } });
    const balancer = createBalancer({ log: { level: 'silent' }, ...proxyTo(), pools: { web: { backends: poll(), health: slowCheck(), unknown: 'available' } } });
    onTestFinished(() => balancer.stop({ drainLimitMs: 100 }));
    const started = balancer.start();
    await eventually(() => fails.length > 0);
    publish(['http://127.0.0.1:2']); // 1 left, its row is free
    publish(['http://127.0.0.1:2', 'http://127.0.0.1:3']); // 3 takes the row
    fails[0]!();
    await pause(20);
    // Nothing has said anything bad about 3: its word of marks must be empty.
    const internals = balancer as unknown as { describe(): { pools: { backends: { url: string; health: string; marks: string[] }[] }[] } };
    await started;
    const third = internals.describe().pools[0]!.backends.find(({ url }) => url.endsWith(':3'))!;
    expect(third.health).not.toBe('down');
  });
});

describe('onResponseHead', () => {
  it('is called once for an exchange whose backend broke off in the same packet as its head', async () => {
    let calls = 0;
    const spy = definePlugin<{}>({ name: 'spy', options: {}, setup: (_o, host) => host.hooks.onResponseHead.tap(() => void calls++) });
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n']);
    const { port } = await start({ ...proxyTo(url), plugins: [spy()] });
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until(/502/);
    expect(calls).toBe(1);
  });
});

describe('a reload that widens the address of a listener', () => {
  it('says that the port is its own', async () => {
    const { url } = await namedOrigin('x');
    const probe = net.createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as net.AddressInfo;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    const { balancer } = await start({ ...proxyTo(url), listeners: [{ port, host: '127.0.0.1' }] });
    const refused = balancer.reload({ log: { level: 'silent' }, ...proxyTo(url), listeners: [{ port, host: '0.0.0.0' }] });
    await expect(refused).rejects.toMatchObject({ hint: expect.not.stringContaining('another process') as unknown });
  });
});


describe('the warm-up of a reload', () => {
  it('waits for the first checks of the new backends though the old generation hears of other members meanwhile', async () => {
    const old = await namedOrigin('old');
    const fresh = await namedOrigin('fresh');
    let publish: (list: string[]) => void = () => {};
    const poll = defineDiscovery<{}>({ name: 'poll', options: {}, watch: (update) => { publish = update; update([old.url]); } });
    const check = defineHealthCheck<{}>({ name: 'takes-300-ms', options: {}, create: () => ({ probe: () => pause(300), schedule: { intervalMs: 60_000, jitter: 0, timeoutMs: 5_000, rise: 1, fall: 1 } }) });
    const config = { ...proxyTo(), log: { level: 'silent' as const } };
    const { balancer } = await start({ ...config, pools: { web: { backends: poll() } } });
    const reloaded = balancer.reload({ ...config, pools: { web: { backends: [fresh.url], health: check() } } });
    await pause(100);
    publish([old.url, 'http://127.0.0.1:1']);
    await reloaded;
    expect((await fetch(`http://127.0.0.1:${balancer.address().port}/`)).status).toBe(200);
  });
});

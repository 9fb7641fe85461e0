/** Reloads under way: what goes on, what changes, and what a failed one leaves behind. */
import net from 'node:net';
import { once } from 'node:events';
import { createBalancer } from '@steelyard/core';
import { defineDiscovery, defineHealthCheck, definePlugin, type BackendSpec, type Config } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import roundRobin from '@steelyard/plugins/round-robin';
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { deadPort, httpOrigin, namedOrigin, rawOrigin, type Origin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function silent(config: Config): Config {
  return { log: { level: 'silent' }, ...config };
}
async function get(port: number, path = '/'): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}
/** A server whose responses the test gives. */
async function heldOrigin(): Promise<Origin & { next(): Promise<(body: string) => void> }> {
  const waiting: ((body: string) => void)[] = [];
  const wanted: ((answer: (body: string) => void) => void)[] = [];
  const origin = await httpOrigin((_request, response) => {
    const answer = (body: string): void => void response.end(body);
    const taker = wanted.shift();
    if (taker) taker(answer);
    else waiting.push(answer);
  });
  return Object.assign(origin, { next: () => new Promise<(body: string) => void>((resolve) => (waiting.length > 0 ? resolve(waiting.shift()!) : wanted.push(resolve))) });
}
async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('after a reload', () => {
  it('the next request of a kept connection is served by the newest generation', async () => {
    const [before, after] = [await namedOrigin('before'), await namedOrigin('after')];
    const { balancer, port } = await start(proxyTo(before.url));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until('before');
    expect(await balancer.reload(silent(proxyTo(after.url)))).toEqual({ generation: 2 });
    client.send(GET);
    await client.until('after');
    expect(balancer.address().port).toBe(port);
  });

  it('an exchange under way ends on the generation that began it, its pipelined successor on the newest', async () => {
    const [before, after] = [await heldOrigin(), await namedOrigin('after')];
    const ends: string[] = [];
    const mark = (name: string) => plugin(name, (host) => {
      host.hooks.onResponse.tap(() => void ends.push(`${name} response`));
      host.defer(() => void ends.push(`${name} ended`));
    });
    const { balancer, port } = await start({ ...proxyTo(before.url), plugins: [mark('one')] });
    const client = await RawClient.connect(port);
    client.send(GET + GET);
    const answer = await before.next();
    await balancer.reload(silent({ ...proxyTo(after.url), plugins: [mark('two')] }));
    answer('from before');
    const received = await client.until('after');
    expect(received.indexOf('from before')).toBeLessThan(received.indexOf('after'));
    await balancer.stop();
    // The old generation may end before the new one has answered.
    const order = (...names: string[]): number[] => names.map((name) => ends.indexOf(name));
    for (const [first, then] of [order('one response', 'one ended'), order('one response', 'two response'), order('two response', 'two ended')]) expect(first).toBeLessThan(then!);
    expect([...ends].sort()).toEqual(['one ended', 'one response', 'two ended', 'two response']);
  });

  it('a backend that left gets nothing new while its open exchange ends, and then its connections are closed', async () => {
    const [leaving, staying] = [await heldOrigin(), await namedOrigin('staying')];
    const { balancer, port } = await start(proxyTo(leaving.url));
    const client = await RawClient.connect(port);
    client.send(GET);
    const answer = await leaving.next();
    await balancer.reload(silent(proxyTo(staying.url)));
    for (let i = 0; i < 5; i++) expect(await get(port)).toBe('staying');
    expect(leaving.connections).toBe(1);
    answer('last words');
    await client.until('last words');
    while (balancer.ledger().upstreamConnections > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("core's own order and round robin go on where they were", async () => {
    const origins = await Promise.all(['a', 'b', 'c'].map(namedOrigin));
    for (const strategy of [undefined, roundRobin()]) {
      const config = silent({ ...proxyTo(), pools: { web: { backends: origins.map(({ url }) => url), ...(strategy && { strategy }) } } });
      const { balancer, port } = await start(config);
      const seen: string[] = [];
      for (let i = 0; i < 9; i++) {
        seen.push(await get(port));
        await balancer.reload(config);
      }
      expect(seen.slice(3, 6)).toEqual(seen.slice(0, 3));
      expect(new Set(seen.slice(0, 3)).size).toBe(3);
      expect(seen.slice(6)).toEqual(seen.slice(0, 3));
    }
  });

  it('weights, limits and drain are those of the new config, and health marks stay', async () => {
    let status = 500;
    const down = await httpOrigin((_request, response) => void response.writeHead(status).end('down'));
    const up = await namedOrigin('up');
    const recorder = new Recorder();
    const config = (weight: number): Config => silent({
      ...proxyTo(), plugins: [recorder.plugin()],
      pools: { web: { backends: [{ url: down.url, weight }, { url: up.url, weight: 2 }], health: httpCheck({ intervalMs: 20, rise: 1, fall: 1 }) } },
    });
    const { balancer, port } = await start(config(1));
    const backends = () => balancer.describe().pools[0]!.backends.map(({ health, weight }) => `${health} ${weight}`);
    expect(backends()).toEqual(['down 1', 'up 2']);
    await balancer.reload(config(7));
    expect(backends()).toEqual(['down 7', 'up 2']);
    expect(await get(port)).toBe('up');
    expect(await get(port)).toBe('up');
    status = 200;
    await recorder.until(() => recorder.changes.some(({ to, backend }) => to === 'up' && backend.url === down.url));
    expect(backends()).toEqual(['up 7', 'up 2']);
  });

  it('streaks of failures go on', async () => {
    const bad = await httpOrigin((_request, response) => void response.writeHead(500).end());
    const good = await namedOrigin('good');
    const strict = defineHealthCheck<{}>({
      name: 'strict', options: {},
      create: () => ({ observe: (_backend, outcome) => outcome.kind === 'answered' && outcome.status < 500, ejection: { failures: 4, ejectMs: 60_000, maxEjectMs: 60_000 } }),
    });
    const config = silent({ ...proxyTo(), pools: { web: { backends: [bad.url, good.url], health: strict() } } });
    const { balancer, port } = await start(config);
    // In turn: two failures before the reload, two behind it.
    for (let i = 0; i < 4; i++) await get(port);
    await balancer.reload(config);
    expect(balancer.describe().pools[0]!.backends[0]!.health).toBe('unknown');
    for (let i = 0; i < 4; i++) await get(port);
    expect(balancer.describe().pools[0]!.backends[0]!.health).toBe('down');
  });

  it('a backend that keeps its id and gets another address is another backend', async () => {
    const [before, after] = [await namedOrigin('before'), await namedOrigin('after')];
    const config = (url: string): Config => silent({ ...proxyTo(), pools: { web: { backends: [{ id: 'the-one', url }] } } });
    const { balancer, port } = await start(config(before.url));
    expect(await get(port)).toBe('before');
    await balancer.reload(config(after.url));
    expect(await get(port)).toBe('after');
    expect(balancer.describe().pools[0]!.backends).toMatchObject([{ id: 'the-one', url: after.url }]);
  });

  it('a discovery that moves an id to another address moves its traffic', async () => {
    const [before, after] = [await namedOrigin('before'), await namedOrigin('after')];
    let publish: (list: BackendSpec[]) => void = () => {};
    const registry = defineDiscovery<{}>({
      name: 'registry', options: {},
      watch(update) {
        publish = update;
        update([{ id: 'the-one', url: before.url }]);
      },
    });
    const { port } = await start({ ...proxyTo(), pools: { web: { backends: registry() } } });
    expect(await get(port)).toBe('before');
    publish([{ id: 'the-one', url: after.url }]);
    expect(await get(port)).toBe('after');
  });

  it('what host.serve and host.shared hold is the same, with the new handler', async () => {
    let opened = 0;
    let closed = 0;
    const page = definePlugin<{ text: string }>({
      name: 'page', options: { text: { type: 'string' } }, runs: 'main',
      async setup({ text }, host) {
        const shared = await host.shared('thing', () => ++opened, () => void closed++);
        await host.serve({ port: 0 }, (_request, response) => void response.end(`${text} ${shared}`));
      },
    });
    const config = (text: string): Config => silent({ ...proxyTo('http://127.0.0.1:9'), plugins: [page({ text })] });
    const { balancer } = await start(config('first'));
    const { port } = balancer.describe().served[0]!;
    expect(await get(port)).toBe('first 1');
    await balancer.reload(config('second'));
    expect(balancer.describe().served).toMatchObject([{ port }]);
    expect(await get(port)).toBe('second 1');
    await balancer.stop();
    expect([opened, closed]).toEqual([1, 1]);
    expect(await isOpen(port)).toBe(false);
  });
});

describe('listeners', () => {
  it('that did not change refuse no connection during ten reloads', async () => {
    const { url } = await namedOrigin('x');
    const config = silent({ ...proxyTo(url), drainLimitMs: 1_000 });
    const { balancer, port } = await start(config);
    let isReloading = true;
    const failures: string[] = [];
    let answered = 0;
    const knock = async (): Promise<void> => {
      while (isReloading) {
        try {
          const client = await RawClient.connect(port);
          client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
          if ((await client.closed()).endsWith('x') && !client.error) answered++;
          else failures.push(client.received);
        } catch (error) {
          failures.push(String(error));
        }
      }
    };
    const knocking = [knock(), knock(), knock()];
    for (let i = 0; i < 10; i++) {
      await balancer.reload(config);
      const before = answered;
      while (answered < before + 3 && failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    isReloading = false;
    await Promise.all(knocking);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThanOrEqual(30);
    expect(balancer.address().port).toBe(port);
  });

  it('that left are closed at once, and their open exchange ends with Connection: close', async () => {
    const origin = await heldOrigin();
    const two = (names: string[]): Config => silent({ ...proxyTo(origin.url), listeners: names.map((name) => ({ name, port: 0, host: '127.0.0.1' })) });
    const { balancer } = await start(two(['stays', 'leaves']));
    const { port } = balancer.address('leaves');
    const client = await RawClient.connect(port);
    const idle = await RawClient.connect(port);
    client.send(GET);
    const answer = await origin.next();
    await balancer.reload(two(['stays', 'comes']));
    expect(await isOpen(port)).toBe(false);
    expect(await idle.closed()).toBe('');
    expect(balancer.addresses().map(({ name }) => name)).toEqual(['stays', 'comes']);
    answer('to the end');
    expect(await client.closed()).toMatch(/Connection: close\r\n[^]*to the end$/);
  });

  it('that change their protocol end the connections of the old one', async () => {
    const [web, echo] = [await namedOrigin('web'), await rawOrigin((socket) => socket.on('data', (bytes) => void socket.write(bytes)), 'tcp')];
    const http = silent(proxyTo(web.url));
    const tcp = silent({ listeners: [{ name: 'http-0', protocol: 'tcp', port: 0, host: '127.0.0.1', pool: 'raw' }], pools: { raw: { protocol: 'tcp', backends: [echo.url] } } });
    const { balancer, port } = await start({ ...http, listeners: [{ name: 'http-0', port: 0, host: '127.0.0.1' }] });
    const [client, half] = [await RawClient.connect(port), await RawClient.connect(port)];
    client.send(GET);
    await client.until('web');
    half.send('GET / HTTP/1.1\r\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await balancer.reload(tcp);
    expect(balancer.address().port).toBe(port);
    expect(await client.closed()).toMatch(/web$/);
    half.send('Host: a\r\n\r\n');
    expect(await half.closed()).not.toContain('Host');
    const raw = await RawClient.connect(port);
    raw.send('hello');
    await raw.until('hello');
  });
});

describe('a reload that fails', () => {
  const throwing = plugin('throwing', (host) => {
    host.defer(() => void deferred.push('throwing'));
    throw new Error('no such thing');
  });
  const deferred: string[] = [];
  const innocent = plugin('innocent', (host) => {
    host.every(10, () => {});
    host.defer(() => void deferred.push('innocent'));
  });

  it.each<[string, () => Promise<Config>, RegExp | string]>([
    ['over a bad config', async () => ({ listeners: [], pols: {} }) as unknown as Config, 'ERR_CONFIG'],
    ['over a plugin that throws', async () => ({ ...proxyTo('http://127.0.0.1:9'), plugins: [innocent, throwing] }), 'ERR_PLUGIN_CREATE'],
  ])('%s keeps what there is, says why, and leaves nothing behind', async (_name, broken, code) => {
    deferred.length = 0;
    const { url } = await namedOrigin('still here');
    const { balancer, port } = await start(proxyTo(url));
    await expect(balancer.reload(silent(await broken()))).rejects.toMatchObject({ code });
    expect(await get(port)).toBe('still here');
    expect(balancer.describe().generation).toBe(1);
    if (code === 'ERR_PLUGIN_CREATE') expect(deferred).toEqual(['throwing', 'innocent']);
    expect(await balancer.reload(silent(proxyTo(url)))).toMatchObject({ generation: expect.any(Number) as number });
  });

  it('over a port in use closes the listeners it had opened, ends its plugins and claims no backend', async () => {
    deferred.length = 0;
    const { url } = await namedOrigin('still here');
    const other = await namedOrigin('other');
    const { balancer, port } = await start(proxyTo(url));
    const free = await deadPort();
    const blocker = net.createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const taken = (blocker.address() as net.AddressInfo).port;
    const broken = silent({ ...proxyTo(other.url), listeners: [{ port: 0, host: '127.0.0.1' }, { port: free, host: '127.0.0.1' }, { port: taken, host: '127.0.0.1' }], plugins: [innocent] });
    await expect(balancer.reload(broken)).rejects.toMatchObject({ code: 'ERR_LISTEN', message: expect.stringContaining(String(taken)) as string });
    expect(await isOpen(free)).toBe(false);
    expect(deferred).toEqual(['innocent']);
    expect(await get(port)).toBe('still here');
    expect(balancer.describe().pools[0]!.backends).toMatchObject([{ url }]);
    blocker.close();
    await once(blocker, 'close');
    await balancer.reload(broken);
    expect(await get(free)).toBe('other');
  });
});

describe('the order of things', () => {
  it('two reloads at once run one after the other, and the last one stays', async () => {
    const origins = await Promise.all(['a', 'b', 'c'].map(namedOrigin));
    const log: string[] = [];
    const slow = (name: string) => plugin(name, async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      log.push(`${name} ends`);
    });
    const { balancer, port } = await start(proxyTo(origins[0]!.url));
    await Promise.all([balancer.reload(silent({ ...proxyTo(origins[1]!.url), plugins: [slow('one')] })), balancer.reload(silent({ ...proxyTo(origins[2]!.url), plugins: [slow('two')] }))]);
    expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
    expect(await get(port)).toBe('c');
  });

  it('a reload that is asked for during the stop is refused, and one before it is completed', async () => {
    const { url } = await namedOrigin('x');
    const { balancer } = await start(proxyTo(url));
    const before = balancer.reload(silent(proxyTo(url)));
    const stopped = balancer.stop();
    const behind = expect(balancer.reload(silent(proxyTo(url)))).rejects.toMatchObject({ code: 'ERR_STATE' });
    await expect(before).resolves.toEqual({ generation: 2 });
    await behind;
    await stopped;
  });

  it('an exchange that outlives the drain limit of its generation is cut, one of the new generation is not', async () => {
    const origin = await heldOrigin();
    const recorder = new Recorder();
    const config = silent({ ...proxyTo(origin.url), drainLimitMs: 50, plugins: [recorder.plugin()] });
    const { balancer, port } = await start(config);
    const [old, fresh] = [await RawClient.connect(port), await RawClient.connect(port)];
    old.send(GET);
    await origin.next();
    await balancer.reload(config);
    fresh.send(GET);
    const answer = await origin.next();
    await old.closed();
    expect(recorder.results.map(({ result }) => result.code)).toEqual(['ERR_DRAIN_LIMIT']);
    answer('new');
    await fresh.until('new');
  });
});

describe('a discovery', () => {
  const listing = (list: unknown[]) => defineDiscovery<{}>({ name: 'listing', options: {}, watch: (update) => update(list as string[]) })();

  it('whose first list has faults refuses the start and the reload', async () => {
    const { url } = await namedOrigin('good');
    const bad = silent({ ...proxyTo(), pools: { web: { backends: listing(['https://nowhere']) } } });
    await expect(createBalancer(bad).start()).rejects.toMatchObject({ code: 'ERR_DISCOVERY' });
    const { balancer, port } = await start({ ...proxyTo(), pools: { web: { backends: listing([url]) } } });
    await expect(balancer.reload(bad)).rejects.toMatchObject({ code: 'ERR_DISCOVERY' });
    expect(await get(port)).toBe('good');
  });
});

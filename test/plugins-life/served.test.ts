/** `host.serve` on real sockets: over reloads the socket stays and the handler changes. */
import { Agent, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServeHandler } from '@steelyard/sdk';
import { definePlugin } from '@steelyard/sdk';
import { TapRegistry } from '../../core/src/hooks.ts';
import { PluginSet } from '../../core/src/plugins.ts';
import { CONFIG, World } from '../hooks/world.ts';

let world: World;
let sets: PluginSet[];
beforeEach(() => {
  world = new World();
  sets = [];
});
afterEach(() => Promise.all(sets.map((set) => set.tearDown())));

/** A generation whose plugins serve, each on the port that is given; not committed yet. */
async function generation(...plugins: { name?: string; port?: number; handler: ServeHandler }[]): Promise<{ set: PluginSet; ports: number[] }> {
  const set = new PluginSet(world.services, 10_000, new TapRegistry());
  sets.push(set);
  const ports: number[] = [];
  for (const { name = 'p', port = 0, handler } of plugins) {
    await set.setUp(definePlugin<{}>({
      name, options: {}, setup: async (_options, host) => { ports.push((await host.serve({ port }, handler)).port); },
    })(), CONFIG);
  }
  return { set, ports };
}
const says = (text: string): ServeHandler => (_request, response) => void response.end(text);

function get(port: number, agent?: Agent): Promise<{ status: number; body: string; localPort: number }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, agent: agent ?? false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => { body += part; });
      response.on('end', () => resolve({ status: response.statusCode!, body, localPort: request.socket!.localPort! })).on('error', reject);
    });
    request.on('error', reject).end();
  });
}

describe('serve', () => {
  it('answers 503 until the generation is committed, then by the handler', async () => {
    const { set, ports } = await generation({ handler: says('one') });
    expect(await get(ports[0]!)).toMatchObject({ status: 503 });
    set.commit();
    expect(await get(ports[0]!)).toMatchObject({ status: 200, body: 'one' });
  });
  it('keeps its socket and its connections over a reload, also on port 0; the handler changes at the commit', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const old = await generation({ handler: says('old a') }, { handler: says('old b') });
    old.set.commit();
    const before = await get(old.ports[0]!, agent);
    const next = await generation({ handler: says('new a') }, { handler: says('new b') });
    expect(next.ports).toEqual(old.ports);
    expect((await get(old.ports[0]!, agent)).body).toBe('old a');
    next.set.commit();
    await old.set.tearDown();
    const after = await get(old.ports[0]!, agent);
    expect(after).toMatchObject({ body: 'new a', localPort: before.localPort });
    expect((await get(old.ports[1]!)).body).toBe('new b');
    agent.destroy();
  });
  it('keeps a named port over a reload in which another plugin takes it over', async () => {
    const old = await generation({ handler: says('old') });
    old.set.commit();
    // The port is the one that the system chose; from now on it is a named one.
    await old.set.tearDown();
    const port = old.ports[0]!;
    const named = await generation({ name: 'a', port, handler: says('a') });
    named.set.commit();
    const next = await generation({ name: 'b', port, handler: says('b') });
    next.set.commit();
    await named.set.tearDown();
    expect((await get(port)).body).toBe('b');
  });
  it('goes on with the old handler when the next generation cannot be built', async () => {
    const old = await generation({ handler: says('old') });
    old.set.commit();
    const failed = await generation({ handler: says('new') });
    await failed.set.tearDown();
    expect((await get(old.ports[0]!)).body).toBe('old');
  });
  it('is closed with the last generation that claims it', async () => {
    const old = await generation({ handler: says('old') });
    old.set.commit();
    const next = await generation();
    next.set.commit();
    await old.set.tearDown();
    await expect(get(old.ports[0]!)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
  it('can be bound again at once after it was closed', async () => {
    const old = await generation({ handler: says('old') });
    const ended = old.set.tearDown();
    const next = await generation({ port: old.ports[0]!, handler: says('new') });
    await ended;
    next.set.commit();
    expect((await get(old.ports[0]!)).body).toBe('new');
  });
  it('fails the set-up when the port is in use, and says what to do; the next one may have it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(generation({ port, handler: says('x') })).rejects.toMatchObject({
      code: 'ERR_PLUGIN_CREATE',
      cause: { code: 'ERR_SHARED', message: `plugin p cannot serve on 127.0.0.1:${port}: the port is in use`, hint: expect.stringContaining('another port') },
    });
    await new Promise((resolve) => other.close(resolve));
    const { set } = await generation({ port, handler: says('free again') });
    set.commit();
    expect((await get(port)).body).toBe('free again');
  });
  it('may be tried again by a plugin that catches the failure', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const set = new PluginSet(world.services, 10_000, new TapRegistry());
    sets.push(set);
    await set.setUp(definePlugin<{}>({
      name: 'p', options: {},
      setup: async (_options, host) => {
        await expect(host.serve({ port }, says('x'))).rejects.toMatchObject({ code: 'ERR_SHARED' });
        await new Promise((resolve) => other.close(resolve));
        await host.serve({ port }, says('second try'));
      },
    })(), CONFIG);
    set.commit();
    expect((await get(port)).body).toBe('second try');
  });
  it('ends an answer under way when nobody claims the address any more', async () => {
    const { set, ports } = await generation({ handler: (_request, response) => void response.write('for ever') });
    set.commit();
    const hanging = get(ports[0]!);
    const ended = expect(hanging).rejects.toMatchObject({ code: 'ECONNRESET' });
    // A second one, whose head has come: both are under way.
    await new Promise((resolve) => httpRequest({ host: '127.0.0.1', port: ports[0]!, agent: false }, resolve).on('error', () => {}).end());
    await set.tearDown();
    await ended;
  });
  it('fails when one config serves twice on one address', async () => {
    const port = (await generation({ handler: says('x') })).ports[0]!;
    await sets[0]!.tearDown();
    await expect(generation({ name: 'a', port, handler: says('a') }, { name: 'b', port, handler: says('b') })).rejects.toMatchObject({
      cause: { code: 'ERR_SHARED', message: `plugin b cannot serve on 127.0.0.1:${port}: a serves there already, by the same config` },
    });
  });
});

describe('a handler that fails', () => {
  it.each<[string, ServeHandler]>([['throws', () => { throw new Error('boom'); }], ['rejects', () => Promise.reject(new Error('boom'))]])('answers 500 when it %s, and is counted', async (_how, handler) => {
    const { set, ports } = await generation({ handler });
    set.commit();
    expect(await get(ports[0]!)).toMatchObject({ status: 500 });
    expect(world.count('steelyard_plugin_failures_total', 'p', 'serve')).toBe(1);
    expect(world.lines[0]).toMatchObject({ plugin: 'p', error: 'boom' });
  });
  it('cuts off an answer that it had begun', async () => {
    const { set, ports } = await generation({ handler: (_request, response) => {
      response.write('half');
      return Promise.reject(new Error('boom'));
    } });
    set.commit();
    await expect(get(ports[0]!)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

/** What keeps a client's connection, what ends it, and how: on real sockets. */
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Config } from '@steelyard/sdk';
import { proxyTo, start, type Running } from './support/balancer.ts';
import { RawClient, sendRaw } from './support/client.ts';
import { httpOrigin, namedOrigin, rawOrigin, scriptedOrigin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function at(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

describe('pipelined requests', () => {
  it('behind one that the balancer answers itself are served', async () => {
    const { url } = await namedOrigin('from the backend');
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/api' }, pool: 'web' }] });
    const client = await RawClient.connect(port);
    client.send(at('/nowhere') + at('/api'));
    expect((await client.until('from the backend')).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  it('beyond what is held are read when there is room again, also when a head is cut there', async () => {
    // 64 KiB may wait. The first request is held back until far more than that was sent, and the end of it is half a head.
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<() => void>();
    const { url } = await httpOrigin((request, response) => {
      if (request.url === '/first') arrive(() => response.end('first'));
      else response.end(`<${request.url}>`);
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(at('/first'));
    const count = 30;
    const padding = `X-Padding: ${'x'.repeat(5_000)}\r\n`;
    const pipeline = Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n${padding}\r\n`).join('');
    await new Promise<void>((resolve) => client.socket.write(pipeline, () => resolve()));
    (await arrived)();
    const received = await client.until(`</${count - 1}>`);
    expect(received.match(/<\/\d+>/g)).toEqual(Array.from({ length: count }, (_, i) => `</${i}>`));
  });
});

describe('a long pipeline that needs no backend', () => {
  it('holds nobody up: another client is answered after a few of its requests, and all of it is answered in the end', async () => {
    const { url } = await namedOrigin('from the backend');
    const order: string[] = [];
    const watch = plugin('watch', ({ hooks }) => hooks.onResponse.tap(({ request }) => void order.push(request!.target)));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/api' }, pool: 'web' }], plugins: [watch] });
    const [greedy, other] = [await RawClient.connect(port), await RawClient.connect(port)];
    const targets = Array.from({ length: 2_000 }, (_, i) => `/${i}`);
    greedy.send(targets.map(at).join(''));
    other.send(at('/other'));
    await other.until('404');
    expect(order.indexOf('/other')).toBeLessThan(200);
    while (order.length < 2_001) await new Promise(setImmediate);
    expect(order.filter((target) => target !== '/other')).toEqual(targets);
  });
});

describe('pipelined requests before a FIN', () => {
  it('are all served where half-close is, also behind one that the balancer answers itself', async () => {
    const { url } = await httpOrigin((request, response) => response.end(`<${request.url}>`));
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', halfClose: 'serve' }], routes: [{ match: { path: '/api/*' }, pool: 'web' }] });
    const client = await RawClient.connect(port);
    client.send(['/api/1', '/nowhere', '/api/2', '/nowhere', '/nowhere'].map(at).join('')).socket.end();
    expect((await client.closed()).match(/ \d{3} |<.*?>/g)).toEqual([' 200 ', '</api/1>', ' 404 ', ' 200 ', '</api/2>', ' 404 ', ' 404 ']);
  });
});

describe('a connection', () => {
  const timeouts = (timeouts: object): Partial<Config> => ({ listeners: [{ port: 0, host: '127.0.0.1', timeouts }] });

  it('is closed when it was idle for idleMs between two requests, without a word', async () => {
    const { url } = await scriptedOrigin([OK]);
    const { port } = await start({ ...proxyTo(url), ...timeouts({ idleMs: 50 }) });
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.closed()).toMatch(/\r\n\r\nok$/);
  });

  it('that begins a second request and leaves it gets a 408, and no plugin is shown the request of another client in its place', async () => {
    const { url } = await scriptedOrigin([OK]);
    const recorder = new Recorder();
    const heads: string[] = [];
    const watch = plugin('watch', ({ hooks }) => hooks.onResponseHead.tap((exchange, head) => void heads.push(`${exchange.request.path} ${head.status}`)));
    const { port } = await start({ ...proxyTo(url), ...timeouts({ headMs: 100 }), plugins: [recorder.plugin(), watch] });
    const other = await RawClient.connect(port);
    other.send('HEAD /secret?token=1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await recorder.responses(1);
    const received = await sendRaw(port, 'POST / HT');
    expect(received).toMatch(/^HTTP\/1.1 408 [^]*did not come in time\n$/);
    expect(recorder.results.map(({ path, result }) => [path.includes('secret'), result.status, result.code])).toEqual([[true, 200, ''], [false, 408, 'ERR_REQUEST_TIMEOUT']]);
    expect(heads).toEqual(['/secret 200']);
  });

  it('is kept although the backend closes its own', async () => {
    const origin = await rawOrigin((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')));
    const { port } = await start(proxyTo(origin.url));
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('ok')).not.toMatch(/connection: close/i);
    client.send(GET);
    await client.until(/(ok[^]*){2}/);
    expect(origin.connections).toBe(2);
  });
});

describe('a response to an unfinished upload', () => {
  it('is not lost in a reset when the client goes on sending', async () => {
    // Four times what lingering reads: a client that looks at its response only between two writes must still find it.
    const { port } = await start({ ...proxyTo('http://127.0.0.1:9'), listeners: [{ port: 0, host: '127.0.0.1', limits: { maxBodyBytes: 1000 } }] });
    const size = 4 * 1024 * 1024;
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    let error: Error | undefined;
    socket.on('error', (thrown) => (error = thrown));
    const ended = new Promise<void>((resolve) => socket.on('end', resolve).on('close', () => resolve()));
    socket.pause();
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    // The whole body is handed over before the first look at the response.
    socket.write(Buffer.alloc(size));
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.on('data', (bytes) => (received += bytes.toString('latin1'))).resume();
    await ended;
    socket.destroy();
    expect(error).toBeUndefined();
    expect(received).toMatch(/^HTTP\/1.1 413 /);
  });
});

/** The very first write of a process is watched, and goes another way (`HandleWrites`). */
async function startWarm(config: Config): Promise<Running> {
  const running = await start(config);
  await sendRaw(running.port, 'no request\r\n\r\n');
  return running;
}

describe('a backend that answers an upload and resets', () => {
  it('is heard, also where the next bytes of the body find the connection broken first', async () => {
    const met = Promise.withResolvers<net.Socket>();
    const { url } = await rawOrigin((socket) => socket.once('data', () => met.resolve(socket)));
    const recorder = new Recorder();
    const { port } = await startWarm({ ...proxyTo(url), plugins: [recorder.plugin()] });
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegin');
    const origin = await met.promise;
    // All three reach the kernel before the balancer looks, and the client's bytes are the first that it sees.
    client.send('more');
    origin.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    origin.resetAndDestroy();
    expect(await client.closed()).toMatch(/^HTTP\/1.1 413 /);
    expect(recorder.attempts.map(({ outcome }) => outcome.kind)).toEqual(['answered']);
  });

  it('and has not answered in full, has failed', async () => {
    const met = Promise.withResolvers<net.Socket>();
    const { url } = await rawOrigin((socket) => socket.once('data', () => met.resolve(socket)));
    const { port } = await startWarm(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegin');
    const origin = await met.promise;
    client.send('more');
    origin.write('HTTP/1.1 413 Content Too Large\r\n\r\nhalf');
    origin.resetAndDestroy();
    await client.closed();
    expect([client.error?.message, client.received.includes('\r\n0\r\n')]).toEqual(['read ECONNRESET', false]);
  });
});

describe('an idle connection to a backend that is reset', () => {
  it.each(['before', 'behind'])('loses no POST that comes in the same turn of the event loop, %s the reset', async (when) => {
    const sockets: net.Socket[] = [];
    const { url } = await rawOrigin((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write(OK));
    });
    const { port } = await startWarm(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until('ok');
    // Both reach the kernel before the balancer looks.
    if (when === 'behind') sockets[0]!.resetAndDestroy();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    if (when === 'before') sockets[0]!.resetAndDestroy();
    expect((await client.until(/HTTP[^]*HTTP[^]*\r\n\r\n/)).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(sockets).toHaveLength(2);
  });
});

describe('at the stop', () => {
  it('a response under way is completed and says that the connection ends', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<() => void>();
    const { url } = await httpOrigin((_request, response) => arrive(() => response.end('late')));
    const { balancer, port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    const idle = await RawClient.connect(port);
    idle.send(at('/'));
    const busy = client.send(at('/'));
    void busy;
    const finish = await arrived;
    const stopped = balancer.stop();
    expect(await RawClient.connect(port).then(() => 'accepted', () => 'refused')).toBe('refused');
    finish();
    const both = await Promise.race([client.closed(), idle.closed()]);
    expect(both).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*late$/);
    client.socket.destroy();
    idle.socket.destroy();
    await stopped;
  });

  it('an idle connection is closed at once', async () => {
    const { url } = await scriptedOrigin([OK]);
    const { balancer, port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until('ok');
    const startedAt = performance.now();
    await balancer.stop({ drainLimitMs: 10_000 });
    expect(client.isClosed || (await client.closed())).toBeTruthy();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('a response that does not come within the drain limit is cut', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { url } = await httpOrigin(() => arrive());
    const recorder = new Recorder();
    const { balancer, port } = await start({ ...proxyTo(url), plugins: [recorder.plugin()] });
    const client = await RawClient.connect(port);
    client.send(GET);
    await arrived;
    await balancer.stop({ drainLimitMs: 30 });
    expect(await client.closed()).toBe('');
    expect(recorder.results.map(({ result }) => [result.abortedBy, result.code])).toEqual([['balancer', 'ERR_DRAIN_LIMIT']]);
  });
});

describe('an exchange that was cut', () => {
  // The object of an exchange is used again at once; its old connection closes only later.
  it.each([
    ['because its client stalled', 'ERR_CLIENT_STALLED'],
    ['at the drain limit of its generation', 'ERR_DRAIN_LIMIT'],
  ])('%s does not end the exchange that another client begins meanwhile', async (_name, code) => {
    const { url } = await httpOrigin((request, response) => {
      if (request.url === '/hang') return;
      if (request.url === '/large') response.end(Buffer.alloc(32 * 1024 * 1024));
      else response.end('fine');
    });
    const recorder = new Recorder();
    const next: RawClient[] = [];
    // Inside the end of the first exchange the others' requests reach the kernel, so they are read before the first connection's close is told.
    const trigger = plugin('trigger', ({ hooks }) => hooks.onResponse.tap((_exchange, result) => {
      if (result.code === code) for (const client of next) client.send(at('/'));
    }));
    const config: Config = {
      ...proxyTo(url), log: { level: 'silent' }, plugins: [recorder.plugin(), trigger], drainLimitMs: 50,
      listeners: [{ name: 'in', port: 0, host: '127.0.0.1', timeouts: { writeMs: 100 } }],
    };
    const { balancer, port } = await start(config);
    for (let i = 0; i < 3; i++) next.push(await RawClient.connect(port));
    const first = net.connect({ port, host: '127.0.0.1' });
    first.on('error', () => {});
    first.pause();
    first.write(at(code === 'ERR_CLIENT_STALLED' ? '/large' : '/hang'));
    if (code === 'ERR_DRAIN_LIMIT') {
      while (balancer.ledger().inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
      await balancer.reload(config);
    }
    await recorder.responses(1);
    await Promise.all(next.map((client) => client.until('fine')));
    first.destroy();
    expect(recorder.results.map(({ result }) => result.code)).toEqual([code, '', '', '']);
  });
});

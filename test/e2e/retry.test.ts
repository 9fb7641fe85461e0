/** Which failures are repeated, where, how often, and what the client is told in the end. */
import net from 'node:net';
import { defineExporter, type Config, type MetricsSnapshot, type RetryConfig } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient, sendRaw } from './support/client.ts';
import { deafOrigin } from './support/deaf.ts';
import { deadPort, httpOrigin, namedOrigin, rawOrigin, scriptedOrigin, type Origin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Takes a request and closes without a word. Counts what it was sent. */
async function closingOrigin(): Promise<Origin & { requests: number }> {
  const origin = Object.assign(await rawOrigin((socket) => {
    socket.once('data', () => {
      origin.requests++;
      socket.end();
    });
  }), { requests: 0 });
  return origin;
}
function echoOrigin(): Promise<Origin> {
  return httpOrigin((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (bytes: Buffer) => chunks.push(bytes)).on('end', () => response.end(`${request.method} ${request.headers['content-length'] ?? 'chunked'} ${Buffer.concat(chunks).toString('latin1')}`));
  });
}
const dead = async (): Promise<string> => `http://127.0.0.1:${await deadPort()}`;

/** Backends are tried in the order of the list. */
const inOrder = plugin('in-order', ({ hooks }) => hooks.selectBackend.tap((_exchange, pool) => pool.backends.find((backend) => pool.isAvailable(backend))));

async function startInOrder(urls: readonly string[], retry: RetryConfig = {}, more: Partial<Config['pools'][string]> = {}): Promise<{ port: number; recorder: Recorder; leases: () => number }> {
  const recorder = new Recorder();
  const config = { ...proxyTo(), pools: { web: { backends: urls, retry, ...more } }, plugins: [recorder.plugin(), inOrder] } as Config;
  const { balancer, port } = await start(config);
  return { port, recorder, leases: () => balancer.ledger().leasesOpened };
}
function upload(method: string, body: string): string {
  return `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

describe('a backend that cannot be connected to', () => {
  it.each([['GET', GET], ['POST with a body', upload('POST', 'hello')]])('is replaced by the next one, for a %s too', async (name, request) => {
    const { port, recorder } = await startInOrder([await dead(), (await echoOrigin()).url]);
    expect(await sendRaw(port, request)).toMatch(name === 'GET' ? /^HTTP\/1.1 200/ : /POST 5 hello$/);
    expect(recorder.results[0]!.result).toMatchObject({ status: 200, attempts: 2, code: '' });
  });

  it('costs nothing of the budget', async () => {
    const { port } = await startInOrder([await dead(), await dead(), (await echoOrigin()).url], { budget: 0, budgetPerSecond: 0 });
    for (let i = 0; i < 5; i++) expect(await sendRaw(port, GET)).toMatch(/^HTTP\/1.1 200/);
  });

  it('is tried once in an exchange, whatever strategy and plugins wish, and no other pool member twice', async () => {
    const stubborn = plugin('stubborn', ({ hooks }) => hooks.selectBackend.tap((_exchange, pool) => pool.backends[0]));
    const recorder = new Recorder();
    const { port } = await start({ ...proxyTo(), pools: { web: { backends: [await dead(), await dead(), await dead()], retry: { attempts: 10 } } }, plugins: [recorder.plugin(), stubborn] });
    expect(await sendRaw(port, GET)).toMatch(/^HTTP\/1.1 502/);
    expect(new Set(recorder.attempts.map(({ backend }) => backend)).size).toBe(3);
    expect(recorder.attempts).toHaveLength(3);
  });

  it('is given up after as many attempts as the config allows', async () => {
    const { port, recorder } = await startInOrder([await dead(), await dead(), (await echoOrigin()).url], { attempts: 2 });
    expect(await sendRaw(port, GET)).toMatch(/^HTTP\/1.1 502/);
    expect(recorder.results[0]!.result).toMatchObject({ attempts: 2, code: 'ERR_UPSTREAM_CONNECT' });
  });
});

describe('a backend that closes without an answer', () => {
  it('is replaced by another one for a GET', async () => {
    const closing = await closingOrigin();
    const { port, recorder } = await startInOrder([closing.url, (await echoOrigin()).url]);
    expect(await sendRaw(port, GET)).toMatch(/^HTTP\/1.1 200/);
    expect(recorder.attempts.map(({ outcome }) => outcome.kind)).toEqual(['failed', 'answered']);
    expect(closing.requests).toBe(1);
  });

  it.each(['POST', 'PATCH'])('is not for a %s: it may have been carried out', async (method) => {
    const second = await closingOrigin();
    const { port, recorder } = await startInOrder([(await closingOrigin()).url, second.url]);
    expect(await sendRaw(port, upload(method, 'hello'))).toMatch(/^HTTP\/1.1 502/);
    expect(recorder.results[0]!.result.attempts).toBe(1);
    expect(second.requests).toBe(0);
  });

  it.each([['Content-Length', 16_384, 200], ['Content-Length', 16_385, 502], ['chunked', 16_000, 200], ['chunked', 17_000, 502]])(
    'gets a PUT with %s repeated byte by byte as long as its body is held: %d bytes are a %d',
    async (framing, size, status) => {
      const body = Array.from({ length: size }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
      // It takes the whole request before it closes, so that everything was sent once.
      const closing = await rawOrigin((socket) => {
        let received = 0;
        socket.on('data', (bytes) => {
          received += bytes.length;
          if (received > size) socket.end();
        });
      });
      const { port } = await startInOrder([closing.url, (await echoOrigin()).url]);
      const chunks = [body.slice(0, 5), body.slice(5, 9_000), body.slice(9_000)].map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
      const received = await sendRaw(port, framing === 'chunked' ? `PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n` : upload('PUT', body));
      expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      if (status === 200) expect(received.replaceAll(/\r\n[0-9a-f]+\r\n/g, '').includes(body)).toBe(true);
    },
  );

  it('in the middle of an upload gets the rest of a PUT repeated as it comes', async () => {
    const closing = await closingOrigin();
    const echo = await echoOrigin();
    const { port, recorder } = await startInOrder([closing.url, echo.url]);
    const client = await RawClient.connect(port);
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
    await recorder.until(() => recorder.attempts.length === 1);
    client.send('world');
    await client.until('PUT 10 helloworld');
  });

  it('is replaced no more often than replays allow', async () => {
    const [a, b, c] = [await closingOrigin(), await closingOrigin(), await closingOrigin()];
    const { port, recorder } = await startInOrder([a.url, b.url, c.url], { attempts: 3, replays: 1 });
    expect(await sendRaw(port, GET)).toMatch(/^HTTP\/1.1 502/);
    expect(recorder.results[0]!.result).toMatchObject({ attempts: 2, code: 'ERR_UPSTREAM_CLOSED' });
    expect(c.requests).toBe(0);
  });

  it('is not replaced when the budget is spent', async () => {
    const closing = await closingOrigin();
    const { port, recorder } = await startInOrder([closing.url, (await echoOrigin()).url], { budget: 0.5, budgetPerSecond: 0 });
    for (let i = 0; i < 6; i++) await sendRaw(port, GET);
    // Each request brings half a token, each repeat takes one.
    expect(recorder.results.map(({ result }) => result.attempts)).toEqual([1, 2, 1, 2, 1, 2]);
  });
});

it.each(['http', 'tcp'] as const)('a retry is counted when it is made, not when there is nobody left to ask: %s', async (protocol) => {
  let snapshot: () => Promise<MetricsSnapshot> = () => Promise.reject(new Error('not started'));
  const reader = defineExporter<{}>({
    name: 'reader', options: {},
    start(_options, _host, take) {
      snapshot = take;
    },
  });
  const backends = [await dead(), await dead()];
  const overTcp: Config = {
    listeners: [{ port: 0, host: '127.0.0.1', protocol: 'tcp', pool: 'web' }],
    pools: { web: { protocol: 'tcp', backends: backends.map((url) => url.replace('http:', 'tcp:')) } },
  };
  const { port } = await start({ ...(protocol === 'tcp' ? overTcp : proxyTo(...backends)), plugins: [reader()] });
  await sendRaw(port, GET);
  const family = (await snapshot()).families.find(({ name }) => name === 'steelyard_retries_total')!;
  expect(family.samples).toEqual([{ labels: { pool: 'web' }, value: 1 }]);
});

describe('the last failure decides what the client is told', () => {
  it.each<[string, () => Promise<string>, number]>([
    ['refused', dead, 502],
    ['silent', async () => (await rawOrigin(() => {})).url, 504],
    ['closing', async () => (await closingOrigin()).url, 502],
    ['deaf', async () => (await deafOrigin()).url.replace('tcp:', 'http:'), 504],
  ])('after a refusal: %s', async (_name, second, status) => {
    const { port, recorder } = await startInOrder([await dead(), await second()], {}, { timeouts: { connectMs: 100, responseMs: 100 } });
    expect(await sendRaw(port, GET)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(recorder.results[0]!.result).toMatchObject({ attempts: 2, status });
  });

  it('a GET whose first backend is silent is answered by the second', async () => {
    const { port } = await startInOrder([(await rawOrigin(() => {})).url, (await namedOrigin('second')).url], {}, { timeouts: { responseMs: 100 } });
    expect(await sendRaw(port, GET)).toMatch(/second$/);
  });
});

describe('a response that has begun', () => {
  it.each([['its head', 'HTTP/1.1 200 OK\r\nContent-Le'], ['its body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello']])('and breaks off in %s is not repeated', async (_name, beginning) => {
    const second = await closingOrigin();
    const { port, recorder } = await startInOrder([(await rawOrigin((socket) => socket.once('data', () => socket.end(beginning)))).url, second.url]);
    const client = await RawClient.connect(port);
    const received = await client.send(GET).closed();
    expect(received).toMatch(beginning.includes('hello') ? /hello$/ : /^HTTP\/1.1 502/);
    if (beginning.includes('hello')) expect(client.error).toMatchObject({ code: 'ECONNRESET' });
    expect(recorder.results[0]!.result.attempts).toBe(1);
    expect(second.requests).toBe(0);
  });
});

describe('an idle connection that the backend has closed', () => {
  /** Answers the first request of each connection; resets it at the second one, which it has not read: as a server does whose idle time was over. */
  async function forgetfulOrigin(): Promise<Origin> {
    return rawOrigin((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        socket.once('data', () => socket.resetAndDestroy());
      });
    });
  }

  it('is replaced by a fresh one within the attempt: one lease, one attempt, the same backend', async () => {
    const origin = await forgetfulOrigin();
    const { port, recorder, leases } = await startInOrder([origin.url]);
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('ok');
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(/(ok[^]*){2}/);
    expect(origin.connections).toBe(2);
    expect(leases()).toBe(2);
    expect(recorder.attempts.map(({ outcome }) => outcome.kind)).toEqual(['answered', 'answered']);
    expect(recorder.results[1]!.result.attempts).toBe(1);
  });

  it('is a 502 for a POST', async () => {
    const { port } = await startInOrder([(await forgetfulOrigin()).url]);
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('ok');
    client.send(upload('POST', 'x'));
    await client.until('HTTP/1.1 502');
  });

  it('is not used when its end was seen before', async () => {
    const origin = await rawOrigin((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', () => socket.end())));
    const { balancer, port } = await start(proxyTo(origin.url));
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('ok');
    while (balancer.ledger().upstreamConnections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
    await client.until(/(ok[^]*){2}/);
  });
});

describe('a slow upload behind 100-continue', () => {
  it('is waited for as long as the client may take, not as long as the backend may', async () => {
    const { url } = await scriptedOrigin(['HTTP/1.1 100 Continue\r\n\r\n']);
    const { port, recorder } = await startInOrder([url], {}, { timeouts: { responseMs: 100 } });
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {}).write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    // Longer than a backend may take to answer; the client has 30 s for its body.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(recorder.attempts).toEqual([]);
    socket.destroy();
    await recorder.responses(1);
    expect(recorder.results[0]!.result).toMatchObject({ abortedBy: 'client' });
  });
});

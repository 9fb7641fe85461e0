/** The hooks of DESIGN §3 on real sockets: when each is called, what its value does, and what `onAttempt` and `onResponse` say of every end. */
import http from 'node:http';
import type { Socket } from 'node:net';
import { defineStrategy, type Config, type Hooks, type HttpListener, type HttpPool, type Outcome, type Result, type Trailers } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import { describe, expect, it } from 'vitest';
import { expectClear, proxyTo, start } from './support/balancer.ts';
import { RawClient, sendRaw } from './support/client.ts';
import { deafOrigin } from './support/deaf.ts';
import { deadPort, httpOrigin, namedOrigin, rawOrigin, scriptedOrigin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Scene {
  readonly port: number;
  readonly recorder: Recorder;
  stop(): Promise<void>;
}
interface End {
  /** URLs of the backends. */
  readonly backends: () => Promise<string[]>;
  readonly pool?: Partial<HttpPool>;
  readonly listener?: Partial<HttpListener>;
  readonly config?: Partial<Config>;
  readonly client: (scene: Scene) => Promise<unknown>;
  readonly attempts: readonly Partial<Outcome>[];
  readonly results: readonly Partial<Result>[];
}

const ANSWERED: Partial<Result> = { status: 200, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '', bytesFromClient: 0, bytesToClient: 2 };
const REFUSED: Partial<Result> = { attempts: 0, answeredBy: 'balancer', abortedBy: undefined, backend: undefined };

const one = (open: () => Promise<{ url: string }>) => async (): Promise<string[]> => [(await open()).url];
const scripted = (...answers: string[]) => (): Promise<string[]> => one(() => scriptedOrigin(answers))();
const raw = (onRequest: (socket: Socket) => void) => (): Promise<string[]> => one(() => rawOrigin((socket) => void socket.once('data', () => onRequest(socket))))();
const dead = async (): Promise<string> => `http://127.0.0.1:${await deadPort()}`;
const exchangeOf = (bytes: string) => async ({ port, recorder }: Scene): Promise<void> => {
  const client = await RawClient.connect(port);
  client.send(bytes);
  await recorder.responses(1);
};

const ENDS: Record<string, End> = {
  'answered by the backend': {
    backends: scripted(OK), client: exchangeOf(GET),
    attempts: [{ kind: 'answered', status: 200, bytesFromBackend: OK.length }],
    results: [ANSWERED],
  },
  'answered with an error by the backend': {
    backends: scripted('HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno'), client: exchangeOf(GET),
    attempts: [{ kind: 'answered', status: 500 }],
    results: [{ ...ANSWERED, status: 500 }],
  },
  'an upload in chunks': {
    backends: one(() => httpOrigin((request, response) => void request.resume().on('end', () => response.end('ok')))),
    client: exchangeOf('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\n'),
    attempts: [{ kind: 'answered', status: 200 }],
    results: [{ ...ANSWERED, bytesFromClient: 11 }],
  },
  'HEAD': {
    backends: scripted('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n'), client: exchangeOf('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'),
    attempts: [{ kind: 'answered', status: 200 }],
    results: [{ ...ANSWERED, bytesToClient: 0 }],
  },
  'three pipelined requests': {
    backends: scripted(OK),
    client: async ({ port, recorder }) => {
      (await RawClient.connect(port)).send(GET + GET + GET);
      await recorder.responses(3);
    },
    attempts: [{ kind: 'answered' }, { kind: 'answered', connectMs: 0 }, { kind: 'answered', connectMs: 0 }],
    results: [ANSWERED, ANSWERED, ANSWERED],
  },
  'no route': {
    backends: scripted(OK), config: { routes: [{ match: { path: '/api' }, pool: 'web' }] }, client: exchangeOf(GET),
    attempts: [], results: [{ ...REFUSED, status: 404, code: 'ERR_NO_ROUTE' }],
  },
  'no backend': {
    backends: async () => [], client: exchangeOf(GET),
    attempts: [], results: [{ ...REFUSED, status: 503, code: 'ERR_NO_BACKEND' }],
  },
  'every backend refuses': {
    backends: async () => [await dead(), await dead()], client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'connect', code: 'ERR_UPSTREAM_CONNECT', bytesToBackend: 0, firstByteMs: -1 }, { kind: 'failed', phase: 'connect' }],
    results: [{ status: 502, attempts: 2, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_UPSTREAM_CONNECT' }],
  },
  'a backend that does not accept in time': {
    backends: async () => [(await deafOrigin()).url.replace('tcp:', 'http:')], pool: { timeouts: { connectMs: 50 } }, client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'connect', code: 'ERR_UPSTREAM_CONNECT_TIMEOUT' }],
    results: [{ status: 504, attempts: 1, answeredBy: 'balancer', code: 'ERR_UPSTREAM_CONNECT_TIMEOUT' }],
  },
  'a backend that does not answer in time': {
    backends: raw(() => {}), pool: { timeouts: { responseMs: 50 } }, client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'head', code: 'ERR_UPSTREAM_TIMEOUT', firstByteMs: -1 }],
    results: [{ status: 504, attempts: 1, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_UPSTREAM_TIMEOUT' }],
  },
  'a backend that stops in its body': {
    backends: raw((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')), pool: { timeouts: { bodyMs: 50 } }, client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_TIMEOUT', status: 200 }],
    results: [{ status: 200, attempts: 1, answeredBy: 'backend', abortedBy: 'backend', code: 'ERR_UPSTREAM_TIMEOUT', bytesToClient: 5 }],
  },
  'a backend that closes in its body': {
    backends: raw((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')), client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_CLOSED', status: 200 }],
    results: [{ status: 200, attempts: 1, answeredBy: 'backend', abortedBy: 'backend', code: 'ERR_UPSTREAM_CLOSED', bytesToClient: 5 }],
  },
  'a backend that closes without a word': {
    backends: raw((socket) => void socket.end()), client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'head', code: 'ERR_UPSTREAM_CLOSED', status: 0 }],
    results: [{ status: 502, attempts: 1, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_UPSTREAM_CLOSED' }],
  },
  'a backend that closes in the middle of an upload': {
    backends: raw((socket) => void socket.destroy()), client: exchangeOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello'),
    attempts: [{ kind: 'failed', phase: 'send', code: 'ERR_UPSTREAM_CLOSED', status: 0 }],
    results: [{ status: 502, attempts: 1, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_UPSTREAM_CLOSED', bytesFromClient: 5 }],
  },
  'a response that is no HTTP': {
    backends: scripted('hello\r\n\r\n'), client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'head', code: 'ERR_UPSTREAM_MALFORMED' }],
    results: [{ status: 502, attempts: 1, answeredBy: 'balancer', code: 'ERR_UPSTREAM_MALFORMED' }],
  },
  'chunks that are none behind a good head': {
    backends: raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      setTimeout(() => socket.write('nonsense\r\n'), 10);
    }),
    client: exchangeOf(GET),
    attempts: [{ kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_MALFORMED', status: 200 }],
    results: [{ status: 200, answeredBy: 'backend', abortedBy: 'backend', code: 'ERR_UPSTREAM_MALFORMED', bytesToClient: 5 }],
  },
  'a malformed head': {
    backends: scripted(OK), client: exchangeOf('GET / HTTP/1.1\r\nHost : a\r\n\r\n'),
    attempts: [], results: [{ ...REFUSED, status: 400, code: 'ERR_REQUEST_MALFORMED' }],
  },
  'a head over the limit': {
    backends: scripted(OK), client: exchangeOf(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
    attempts: [], results: [{ ...REFUSED, status: 431, code: 'ERR_REQUEST_HEAD_SIZE' }],
  },
  'an unknown expectation': {
    backends: scripted(OK), client: exchangeOf('GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'),
    attempts: [], results: [{ ...REFUSED, status: 417, code: 'ERR_REQUEST_EXPECT' }],
  },
  'a head that is not completed in time': {
    backends: scripted(OK), listener: { timeouts: { headMs: 50 } }, client: exchangeOf('GET / HTTP/1.1\r\nHo'),
    attempts: [], results: [{ ...REFUSED, status: 408, code: 'ERR_REQUEST_TIMEOUT' }],
  },
  'a body that is not completed in time': {
    backends: raw(() => {}), listener: { timeouts: { bodyMs: 50 } }, client: exchangeOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello'),
    attempts: [{ kind: 'aborted', by: 'client', status: 0 }],
    results: [{ status: 408, attempts: 1, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_REQUEST_TIMEOUT', bytesFromClient: 5 }],
  },
  'a length over the limit': {
    backends: scripted(OK), listener: { limits: { maxBodyBytes: 8 } }, client: exchangeOf('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n'),
    attempts: [], results: [{ ...REFUSED, status: 413, code: 'ERR_REQUEST_BODY_SIZE' }],
  },
  'a body that grows over the limit in the middle of its chunks': {
    backends: async () => [(await rawOrigin(() => {})).url], listener: { limits: { maxBodyBytes: 8 } },
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      while (!recorder.calls.includes('recorder selectBackend')) await new Promise((resolve) => setImmediate(resolve));
      client.send('5\r\nworld\r\n');
      expect(await client.closed()).toMatch(/^HTTP\/1.1 413 /);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 0 }],
    results: [{ status: 413, attempts: 1, answeredBy: 'balancer', abortedBy: undefined, code: 'ERR_REQUEST_BODY_SIZE', bytesFromClient: 10 }],
  },
  'chunks that are none in an upload whose response has begun': {
    backends: raw((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
      await client.until('hello');
      client.send('nonsense\r\n');
      await recorder.responses(1);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 200 }],
    results: [{ status: 200, attempts: 1, answeredBy: 'backend', abortedBy: 'client', code: 'ERR_REQUEST_MALFORMED', bytesToClient: 5 }],
  },
  'a client that leaves in the middle of its head': {
    backends: scripted(OK),
    client: async ({ port }) => {
      const client = await RawClient.connect(port);
      client.send('GET / HTTP/1.1\r\nHo');
      client.socket.end();
      await client.closed();
    },
    attempts: [], results: [],
  },
  'a client that leaves before the response': {
    backends: raw(() => {}),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send(GET);
      while (!recorder.calls.includes('recorder selectBackend')) await new Promise((resolve) => setImmediate(resolve));
      client.socket.destroy();
      await recorder.responses(1);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 0 }],
    results: [{ status: 0, attempts: 1, answeredBy: 'nobody', abortedBy: 'client', code: 'ERR_CLIENT_CLOSED', firstByteMs: -1 }],
  },
  'a client that leaves in the middle of the response': {
    backends: raw((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send(GET);
      await client.until('hello');
      client.socket.destroy();
      await recorder.responses(1);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 200 }],
    results: [{ status: 200, attempts: 1, answeredBy: 'backend', abortedBy: 'client', code: 'ERR_CLIENT_CLOSED', bytesToClient: 5 }],
  },
  'a client that leaves after the response': {
    backends: scripted(OK),
    client: async ({ port }) => {
      const client = await RawClient.connect(port);
      client.send(GET);
      await client.until('ok');
      client.socket.destroy();
    },
    attempts: [{ kind: 'answered', status: 200 }], results: [ANSWERED],
  },
  'a client that reads nothing': {
    backends: one(() => httpOrigin((_request, response) => void response.end(Buffer.alloc(32 * 1024 * 1024)))), listener: { timeouts: { writeMs: 50 } },
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.socket.pause();
      client.send(GET);
      await recorder.responses(1);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 200 }],
    results: [{ status: 200, answeredBy: 'backend', abortedBy: 'client', code: 'ERR_CLIENT_STALLED' }],
  },
  'a stop whose drain limit is over': {
    backends: raw(() => {}),
    client: async (scene) => {
      const { port, recorder } = scene;
      (await RawClient.connect(port)).send(GET);
      while (!recorder.calls.includes('recorder selectBackend')) await new Promise((resolve) => setImmediate(resolve));
      await scene.stop();
    },
    attempts: [{ kind: 'aborted', by: 'balancer', status: 0 }],
    results: [{ status: 0, attempts: 1, answeredBy: 'nobody', abortedBy: 'balancer', code: 'ERR_DRAIN_LIMIT' }],
  },
  'an answer of a plugin': {
    backends: scripted(OK), client: exchangeOf(GET),
    config: { plugins: [plugin('teapot', ({ hooks }) => hooks.onRequest.tap(() => ({ respond: { status: 418, body: 'short' } })))] },
    attempts: [], results: [{ status: 418, attempts: 0, answeredBy: 'plugin', abortedBy: undefined, code: 'ERR_REFUSED', bytesToClient: 5 }],
  },
  'an answer of a plugin that cannot be sent': {
    backends: scripted(OK), client: exchangeOf(GET),
    config: { plugins: [plugin('huge', ({ hooks }) => hooks.onRequest.tap(() => ({ respond: { status: 200, headers: { x: 'y'.repeat(70_000) } } })))] },
    attempts: [], results: [{ ...REFUSED, status: 500, code: 'ERR_PLUGIN_TAP' }],
  },
  'an upgraded connection that the client leaves, and that the backend then resets over what it had not read': {
    backends: one(() => rawOrigin((socket) => void socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.once('end', () => socket.resetAndDestroy());
    }))),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      await client.until('\r\n\r\n');
      client.socket.end();
      await recorder.responses(1);
    },
    attempts: [{ kind: 'aborted', by: 'client', status: 101 }],
    results: [{ status: 101, answeredBy: 'backend', abortedBy: 'client' }],
  },
  'an upgraded connection that the backend resets': {
    backends: one(() => rawOrigin((socket) => void socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.once('data', () => socket.resetAndDestroy());
    }))),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      await client.until('\r\n\r\n');
      client.send('ping');
      await recorder.responses(1);
    },
    attempts: [{ kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_CLOSED', status: 101 }],
    results: [{ status: 101, answeredBy: 'backend', abortedBy: 'backend', code: 'ERR_UPSTREAM_CLOSED' }],
  },
  'an upgrade that ends in order': {
    backends: raw((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.on('data', (bytes) => void socket.write(bytes)).on('end', () => socket.end());
    }),
    client: async ({ port, recorder }) => {
      const client = await RawClient.connect(port);
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      await client.until('\r\n\r\n');
      client.send('ping');
      await client.until('ping');
      client.socket.end();
      await recorder.responses(1);
    },
    attempts: [{ kind: 'answered', status: 101 }],
    results: [{ status: 101, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '', bytesFromClient: 4, bytesToClient: 4 }],
  },
};

describe('onAttempt is called once for each lease, and onResponse once for each exchange, with its facts:', () => {
  it.each(Object.entries(ENDS))('%s', async (_name, { backends, pool, listener, config, client, attempts, results }) => {
    const recorder = new Recorder();
    const { balancer, port } = await start({
      listeners: [{ port: 0, host: '127.0.0.1', ...listener }],
      pools: { web: { backends: await backends(), ...pool } },
      routes: [{ pool: 'web' }],
      ...config,
      plugins: [recorder.plugin(), ...(config?.plugins ?? [])],
    });
    const stop = (): Promise<void> => balancer.stop({ drainLimitMs: 50 });
    await client({ port, recorder, stop });
    // Whatever came late would be heard during the stop.
    await stop();
    expectClear(balancer);
    expect(recorder.attempts.map(({ outcome }) => outcome)).toMatchObject(attempts);
    expect(recorder.results.map(({ result }) => result)).toMatchObject(results);
    expect(balancer.ledger().leasesOpened).toBe(attempts.length);
    for (const { result } of recorder.results) expect(result.durationMs).toBeGreaterThanOrEqual(Math.max(0, result.firstByteMs));
  });
});

describe('plugins', () => {
  const scoped = async (recorder: Recorder): Promise<Config> => ({
    listeners: [
      { name: 'front', port: 0, host: '127.0.0.1', plugins: [recorder.plugin('listener')] },
      { name: 'other', port: 0, host: '127.0.0.1', plugins: [recorder.plugin('other-listener')] },
    ],
    pools: {
      web: { backends: [(await namedOrigin('web')).url], plugins: [recorder.plugin('pool')] },
      aside: { backends: [(await namedOrigin('aside')).url], plugins: [recorder.plugin('other-pool')] },
    },
    routes: [{ name: 'x', match: { path: '/x' }, pool: 'web', plugins: [recorder.plugin('route')] }, { name: 'y', match: { path: '/y' }, pool: 'aside', plugins: [recorder.plugin('other-route')] }],
    plugins: [recorder.plugin('config')],
  });

  it('hear what passes where they stand and nothing else, outer first', async () => {
    const recorder = new Recorder();
    const { port } = await start(await scoped(recorder));
    await sendRaw(port, 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const outer = ['config', 'listener'];
    const all = [...outer, 'route', 'pool'];
    expect(recorder.calls).toEqual([
      ...outer.map((place) => `${place} onConnect`),
      ...['onRequest', 'selectBackend', 'onResponseHead', 'onAttempt', 'onResponse'].flatMap((hook) => all.map((place) => `${place} ${hook}`)),
    ]);
  });

  it('on a route and a pool hear nothing of requests that match no route', async () => {
    const recorder = new Recorder();
    const { port } = await start(await scoped(recorder));
    await sendRaw(port, 'GET /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(new Set(recorder.calls.map((call) => call.split(' on')[0]))).toEqual(new Set(['config', 'listener']));
  });

  it('that throw in a hook do not keep the others from theirs', async () => {
    const recorder = new Recorder();
    const broken = plugin('broken', ({ hooks }) => {
      const fail = (): never => {
        throw new Error('oh');
      };
      hooks.onConnect.tap(fail);
      hooks.onRequest.tap(fail);
      hooks.selectBackend.tap(fail);
      hooks.onResponseHead.tap(fail);
      hooks.onAttempt.tap(fail);
      hooks.onResponse.tap(fail);
    }, 'open');
    const { url } = await namedOrigin('fine');
    const { port } = await start({ ...proxyTo(url), plugins: [broken, recorder.plugin()] });
    expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/fine$/);
    expect(recorder.calls).toEqual(['onConnect', 'onRequest', 'selectBackend', 'onResponseHead', 'onAttempt', 'onResponse'].map((hook) => `recorder ${hook}`));
  });
});

describe('onConnect', () => {
  it.each([
    ['at once', (hooks: Hooks) => hooks.onConnect.tap(() => ({ refuse: 'no' }))],
    ['later', (hooks: Hooks) => hooks.onConnect.tapPromise(async () => ({ refuse: 'no' }))],
  ])('refuses %s: the connection is closed and no exchange begins', async (_name, tap) => {
    const recorder = new Recorder();
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), plugins: [recorder.plugin(), plugin('deny', ({ hooks }) => tap(hooks))] });
    const client = await RawClient.connect(port);
    expect(await client.send(GET).closed()).toBe('');
    expect(recorder.results).toEqual([]);
  });

  it('that takes its time holds the request back, and it is served then', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const origin = await namedOrigin('let in');
    const wait = plugin('wait', ({ hooks }) => hooks.onConnect.tapPromise(async (connection) => {
      expect(connection).toMatchObject({ protocol: 'http', remoteAddress: '127.0.0.1' });
      ask();
      await gate;
    }));
    const { port } = await start({ ...proxyTo(origin.url), plugins: [wait] });
    const client = await RawClient.connect(port);
    client.send(GET);
    await asked;
    expect(origin.connections).toBe(0);
    open();
    await client.until('let in');
  });

  it.each(['http', 'tcp'] as const)('that is answered after the balancer has stopped admits nobody (%s)', async (protocol) => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const origin = await rawOrigin(() => {}, protocol);
    const recorder = new Recorder();
    const wait = plugin('wait', ({ hooks }) => hooks.onConnect.tapPromise(async () => {
      ask();
      await gate;
    }));
    const { balancer, port } = await start({
      listeners: [{ protocol, port: 0, host: '127.0.0.1', pool: 'raw' }], pools: { raw: { protocol, backends: [origin.url] } }, plugins: [recorder.plugin(), wait],
    });
    const client = await RawClient.connect(port);
    client.send(GET);
    await asked;
    await balancer.stop({ drainLimitMs: 0 });
    open();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([recorder.attempts, recorder.results, origin.connections]).toEqual([[], [], 0]);
    expectClear(balancer);
  });

  it('of a plugin that fails refuses when it is closed, and not when it is open', async () => {
    const { url } = await namedOrigin('x');
    for (const onFailure of ['closed', 'open'] as const) {
      const broken = plugin('broken', ({ hooks }) => hooks.onConnect.tap(() => {
        throw new Error('oh');
      }), onFailure);
      const { port } = await start({ ...proxyTo(url), plugins: [broken] });
      const client = await RawClient.connect(port);
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await client.closed()).toMatch(onFailure === 'open' ? /^HTTP\/1.1 200/ : /^$/);
    }
  });
});

describe('onRequest', () => {
  it('edits the head that the backend gets', async () => {
    let head = '';
    const { url } = await scriptedOrigin([OK], (request) => (head = request));
    const edit = plugin('edit', ({ hooks }) => hooks.onRequest.tap(({ request }) => {
      request.setHeader('X-User', 'alice');
      request.removeHeader('Cookie');
      request.appendHeader('X-Trace', '2');
      request.setTarget('/changed?y=2');
    }));
    const { port } = await start({ ...proxyTo(url), plugins: [edit] });
    await sendRaw(port, 'GET /x HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nX-User: mallory\r\nX-Trace: 1\r\nConnection: close\r\n\r\n');
    expect(head).toMatch(/^GET \/changed\?y=2 HTTP\/1.1\r\n/);
    expect(head).toMatch(/\r\nX-User: alice\r\n/);
    expect(head).not.toMatch(/mallory|secret/);
    expect(head.match(/x-trace: \d/gi)).toEqual(['X-Trace: 1', 'X-Trace: 2']);
  });

  it.each([['whole', ''], ['with its body behind it', 'wait']])('edits count for trailers too, of a request that comes %s', async (_name, waits) => {
    let received = '';
    const { url } = await rawOrigin((socket) => socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      if (received.endsWith('\r\n0\r\nX-Trace: 2\r\nOther: 1\r\n\r\n')) socket.write(OK);
    }));
    const edit = plugin('edit', ({ hooks }) => hooks.onRequest.tap(({ request }) => {
      request.setHeader('X-User', 'alice');
      request.removeHeader('X-Role');
      request.appendHeader('X-Trace', '1');
    }));
    const { port } = await start({ ...proxyTo(url), plugins: [edit] });
    const client = await RawClient.connect(port);
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    if (waits) client.send(head);
    while (waits && received === '') await new Promise(setImmediate);
    client.send(`${waits ? '' : head}5\r\nhello\r\n0\r\nX-User: mallory\r\nx_user: mallory\r\nX-Role: admin\r\nX-Trace: 2\r\nOther: 1\r\n\r\n`);
    await client.until('ok');
    expect(received).not.toMatch(/mallory|admin/);
  });

  it('shows trailers at the end, those too that go no further, though other responses have come since', async () => {
    const kept: (Trailers | undefined)[] = [];
    const answer = (name: string) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-name:  ${name} \r\nConnection: x\r\nX-Name: two\r\n\r\n`;
    const { url } = await scriptedOrigin([answer('first'), OK, answer('third').replace(/0\r\nx.*/s, '0\r\n\r\n'), answer('fourth')]);
    const look = plugin('look', ({ hooks }) => hooks.onAttempt.tap((_exchange, _backend, outcome) => void kept.push(outcome.kind === 'answered' ? outcome.trailers : undefined)));
    const { port } = await start({ ...proxyTo(url), plugins: [look] });
    const client = await RawClient.connect(port);
    for (const _ of [1, 2, 3]) client.send(GET);
    client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await client.closed();
    expect(kept.map((trailers) => trailers?.header('X-NAME'))).toEqual(['first, two', undefined, undefined, 'fourth, two']);
    expect(kept.map((trailers) => trailers && [trailers.header('connection'), trailers.header('x'), trailers.header('')])).toEqual([['x', undefined, undefined], undefined, undefined, ['x', undefined, undefined]]);
  });

  it('shows request and route as they came, at the retry and at the end too, whatever the route rewrites', async () => {
    const seen: string[] = [];
    const { url } = await scriptedOrigin([OK], (head) => seen.push(head.split(' ')[1]!));
    const look = plugin('look', ({ hooks }) => {
      hooks.selectBackend.tap((exchange) => void seen.push(`select ${exchange.request!.target} ${exchange.attempts}`));
      hooks.onResponseHead.tap((exchange) => void seen.push(`head ${exchange.request.target}`));
      hooks.onAttempt.tap((exchange, _backend, { kind }) => void seen.push(`${kind} ${exchange.request!.target}`));
      hooks.onResponse.tap((exchange) => void seen.push(`end ${exchange.request!.target}`));
    });
    const reset = await rawOrigin((socket) => socket.once('data', () => socket.destroy()));
    const { port } = await start({
      ...proxyTo(reset.url, url), routes: [{ match: { path: '/api/*' }, pool: 'web', rewrite: { stripPrefix: '/api', addPrefix: '/v2' } }], plugins: [look],
    });
    await sendRaw(port, 'GET /api/x?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await sendRaw(port, 'GET /api/x?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const retried = seen.indexOf('failed /api/x?q');
    expect(retried).toBeGreaterThan(0);
    expect(seen.filter((line) => line.startsWith('/'))).toEqual(['/v2/x?q', '/v2/x?q']);
    expect(seen.filter((line) => !line.startsWith('/') && !line.includes('/api/x?q'))).toEqual([]);
  });

  it('answers in place of a backend, and the later taps are not asked', async () => {
    const origin = await namedOrigin('x');
    const recorder = new Recorder();
    const deny = plugin('deny', ({ hooks }) => hooks.onRequest.tap(() => ({ respond: { status: 403, headers: { 'X-Why': 'because', 'Set-Cookie': ['a=1', 'b=2'] }, body: 'no' } })));
    const { port } = await start({ ...proxyTo(origin.url), plugins: [deny, recorder.plugin()] });
    const received = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1.1 403 Forbidden\r\nX-Why: because\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno$/);
    expect(recorder.calls).toEqual(['recorder onConnect', 'recorder onResponseHead', 'recorder onResponse']);
    expect(origin.connections).toBe(0);
  });

  const canary = async (recorder: Recorder, place: 'config' | 'route' | 'pool', pool = 'aside'): Promise<Config> => {
    const send = plugin('canary', ({ hooks }) => hooks.onRequest.tap(() => ({ pool })));
    return {
      listeners: [{ port: 0, host: '127.0.0.1' }],
      pools: {
        web: { backends: [(await namedOrigin('web')).url], plugins: [...(place === 'pool' ? [send] : []), recorder.plugin('web')] },
        aside: { backends: [(await namedOrigin('aside')).url], plugins: [recorder.plugin('aside')] },
      },
      routes: [{ pool: 'web', plugins: [...(place === 'route' ? [send] : []), recorder.plugin('route')] }],
      plugins: [...(place === 'config' ? [send] : []), recorder.plugin('config')],
    };
  };

  it.each(['config', 'route'] as const)('of a plugin on the %s sends the exchange to another pool: later taps are still asked, and the plugins of the pool it came to', async (place) => {
    const recorder = new Recorder();
    const { port } = await start(await canary(recorder, place));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('aside');
    await recorder.responses(3);
    expect(recorder.calls.filter((call) => call.endsWith('onRequest'))).toEqual(['config onRequest', 'route onRequest', 'aside onRequest']);
    expect(recorder.calls.filter((call) => call.startsWith('web'))).toEqual([]);
  });

  it('of a plugin on a pool sends the exchange to another pool, whose plugins are asked as well', async () => {
    const recorder = new Recorder();
    const { port } = await start(await canary(recorder, 'pool'));
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('aside');
    await recorder.responses(3);
    expect(recorder.calls.filter((call) => call.endsWith('onRequest'))).toEqual(['config onRequest', 'route onRequest', 'web onRequest', 'aside onRequest']);
  });

  it('that names a pool that is not there counts as failed', async () => {
    const { port } = await start(await canary(new Recorder(), 'config', 'nowhere'));
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(503);
  });

  it('may wait, while a body arrives that is larger than what is held', async () => {
    const { url } = await httpOrigin((request, response) => {
      let size = 0;
      request.on('data', (bytes: Buffer) => (size += bytes.length)).on('end', () => response.end(`${size} by ${String(request.headers['x-user'])}`));
    });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const ask = plugin('ask', ({ hooks }) => hooks.onRequest.tapPromise(async ({ request }) => {
      await gate;
      request.setHeader('x-user', 'alice');
    }));
    const { port } = await start({ ...proxyTo(url), plugins: [ask] });
    const client = await RawClient.connect(port);
    const size = 3_000_000;
    client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.socket.write(Buffer.alloc(size));
    setTimeout(open, 30);
    await client.until(`${size} by alice`);
  });

  it('that waits when its client leaves leads nowhere, and its exchange ends once', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const origin = await namedOrigin('x');
    const recorder = new Recorder();
    const wait = plugin('wait', ({ hooks }) => hooks.onRequest.tapPromise(async ({ request }) => {
      if (request.path === '/other') return;
      ask();
      await gate;
      request.setHeader('x-user', 'alice');
    }));
    const { port } = await start({ ...proxyTo(origin.url), plugins: [recorder.plugin(), wait] });
    const client = await RawClient.connect(port);
    client.send(GET);
    await asked;
    client.socket.destroy();
    await recorder.responses(1);
    expect(recorder.results[0]!.result).toMatchObject({ status: 0, attempts: 0, answeredBy: 'nobody', abortedBy: 'client', code: 'ERR_CLIENT_CLOSED' });
    // The object must not serve another exchange while the tap may still write to it.
    const other = await RawClient.connect(port);
    other.send('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
    await other.until(/x$/);
    open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(recorder.results).toHaveLength(2);
    expect(origin.connections).toBe(1);
  });

  it('of a closed plugin that fails is a 503, each time anew; an open one lets pass, and is in quarantine then', async () => {
    const { url } = await namedOrigin('x');
    for (const [onFailure, status] of [['closed', 503], ['open', 200]] as const) {
      let calls = 0;
      const recorder = new Recorder();
      const broken = plugin('broken', ({ hooks }) => hooks.onRequest.tap(() => {
        calls++;
        throw new Error('oh');
      }), onFailure);
      const { port } = await start({ ...proxyTo(url), plugins: [recorder.plugin(), broken] });
      const client = await RawClient.connect(port);
      client.send(GET.repeat(30));
      await recorder.responses(30);
      expect(new Set(recorder.results.map(({ result }) => result.status))).toEqual(new Set([status]));
      // The open one is called no more once it failed ten times in a row.
      expect(calls).toBe(onFailure === 'open' ? 10 : 30);
      if (onFailure === 'open') continue;
      expect(recorder.results.map(({ result }) => [result.code, result.answeredBy])).toEqual(recorder.results.map(() => ['ERR_PLUGIN_TAP', 'balancer']));
      client.socket.destroy();
    }
  });

  it('is that of its own request alone: a client whose requests a closed plugin throws over does not shut the others out', async () => {
    const { url } = await namedOrigin('x');
    const decoding = plugin('decoding', ({ hooks }) => hooks.onRequest.tap(({ request }) => void decodeURIComponent(request.target)), 'closed');
    const { port } = await start({ ...proxyTo(url), plugins: [decoding] });
    const statuses: number[][] = [];
    for (let i = 0; i < 30; i++) statuses.push([(await fetch(`http://127.0.0.1:${port}/%zz`)).status, (await fetch(`http://127.0.0.1:${port}/good`)).status]);
    expect(statuses).toEqual(statuses.map(() => [503, 200]));
  });
});

describe('selectBackend', () => {
  it('asks general plugins before the strategy, and the strategy only where they have no opinion', async () => {
    const [a, b] = [await namedOrigin('a'), await namedOrigin('b')];
    const heard: string[] = [];
    const alwaysA = defineStrategy<{}>({
      name: 'always-a', options: {},
      create: () => ({
        update() {},
        select: (_exchange, pool) => pool.backends[0],
        onStart: ({ backend }) => void heard.push(backend.url),
      }),
    });
    const byHeader = plugin('by-header', ({ hooks }) => hooks.selectBackend.tap((exchange, pool) => (exchange.request!.hasHeader('x-b') ? pool.backends[1] : undefined)));
    const { port } = await start({ ...proxyTo(), pools: { web: { backends: [a.url, b.url], strategy: alwaysA() } }, plugins: [byHeader] });
    const ask = async (headers: Record<string, string>): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
    expect([await ask({}), await ask({ 'x-b': '1' })]).toEqual(['a', 'b']);
    expect(heard).toEqual([a.url]);
  });

  it('takes an unavailable pick for no opinion', async () => {
    const [a, b] = [await namedOrigin('a'), await namedOrigin('b')];
    const stubborn = plugin('stubborn', ({ hooks }) => hooks.selectBackend.tap((_exchange, pool) => pool.backends[0]));
    const { port } = await start({ ...proxyTo(), pools: { web: { backends: [{ url: a.url, drain: true }, b.url] } }, plugins: [stubborn] });
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('b');
  });
});

describe('onResponseHead', () => {
  const edit = plugin('edit', ({ hooks }) => hooks.onResponseHead.tap((_exchange, head) => {
    head.setHeader('X-Set', 'new');
    head.removeHeader('Server');
    head.appendHeader('Via', '1.1 me');
  }));

  it('edits what the backend answered', async () => {
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nServer: secret\r\nX-Set: old\r\nContent-Length: 2\r\n\r\nok']);
    const { port } = await start({ ...proxyTo(url), plugins: [edit] });
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('ok')).toBe('HTTP/1.1 200 OK\r\nX-Set: new\r\nVia: 1.1 me\r\nContent-Length: 2\r\n\r\nok');
  });

  it.each([[404, { routes: [] }], [502, {}]])("edits the core's own answer: %d", async (status, config) => {
    const { port } = await start({ ...proxyTo(await dead()), plugins: [edit], ...config });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, response.headers.get('x-set'), response.headers.get('via')]).toEqual([status, 'new', '1.1 me']);
  });

  it('that fails loses its own edits, and those of the others stay', async () => {
    const broken = plugin('broken', ({ hooks }) => hooks.onResponseHead.tap((_exchange, head) => {
      head.setHeader('X-Broken', '1');
      head.setHeader('Content-Length', '7');
    }));
    const { url } = await scriptedOrigin([OK]);
    const { port } = await start({ ...proxyTo(url), plugins: [edit, broken] });
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('ok')).toBe('HTTP/1.1 200 OK\r\nX-Set: new\r\nVia: 1.1 me\r\nContent-Length: 2\r\n\r\nok');
  });
});

describe('onHealthChange', () => {
  it('is told of a flip once, after the state has changed, with source and reason', async () => {
    let status = 200;
    const { url } = await httpOrigin((_request, response) => void response.writeHead(status).end());
    const recorder = new Recorder();
    const seen: string[] = [];
    const look = plugin('look', ({ hooks }) => hooks.onHealthChange.tap(({ backend, to }) => void seen.push(`${backend.health} ${to}`)));
    await start({ ...proxyTo(), pools: { web: { backends: [url], health: httpCheck({ intervalMs: 10, fall: 2, rise: 1 }), plugins: [look] } }, plugins: [recorder.plugin()] });
    status = 500;
    await recorder.until(() => recorder.changes.some(({ to }) => to === 'down'));
    const down = recorder.changes.find(({ to }) => to === 'down')!;
    expect(down).toMatchObject({ from: 'up', source: 'http-check' });
    expect(down.reason).toMatch(/answered 500, expected 200-399/);
    status = 200;
    await recorder.until(() => recorder.changes.at(-1)!.to === 'up');
    expect(seen.slice(-2)).toEqual(['down down', 'up up']);
    expect(recorder.changes.filter(({ to }) => to === 'down')).toHaveLength(1);
  });
});

// A GET by node:http too: what a common client sees is what was meant.
it('what plugins did looks to a common client like any response', async () => {
  const { url } = await namedOrigin('body');
  const { port } = await start({ ...proxyTo(url), plugins: [plugin('stamp', ({ hooks }) => hooks.onResponseHead.tap((_exchange, head) => head.setHeader('x-stamp', '1')))] });
  const [status, stamp] = await new Promise<[number | undefined, unknown]>((resolve) => {
    http.get({ port, host: '127.0.0.1' }, (response) => response.resume().on('end', () => resolve([response.statusCode, response.headers['x-stamp']])));
  });
  expect([status, stamp]).toEqual([200, '1']);
});

/** HTTP/1.1 through the balancer, on real sockets: what a client sees, and what reaches the backend. */
import http from 'node:http';
import { definePlugin } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient, sendRaw } from './support/client.ts';
import { deadPort, httpOrigin, namedOrigin, rawOrigin, scriptedOrigin } from './support/origin.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('requests', () => {
  it('reach the backends in turn', async () => {
    const origins = await Promise.all(['one', 'two', 'three'].map(namedOrigin));
    const { port } = await start(proxyTo(...origins.map(({ url }) => url)));
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) seen.push(await (await fetch(`http://127.0.0.1:${port}/`)).text());
    expect(new Set(seen.slice(0, 3))).toEqual(new Set(['one', 'two', 'three']));
    expect(seen.slice(3)).toEqual(seen.slice(0, 3));
  });

  it('share one connection to the backend when they come one after the other', async () => {
    const origin = await namedOrigin('x');
    const { port } = await start(proxyTo(origin.url));
    const client = await RawClient.connect(port);
    for (let i = 1; i <= 5; i++) {
      client.send(GET);
      await client.until(new RegExp(`(HTTP/1.1 200[^]*){${i}}`));
    }
    expect(origin.connections).toBe(1);
  });

  it('tell the backend about the client, and lose their hop-by-hop fields', async () => {
    let head = '';
    const { url } = await scriptedOrigin([OK], (request) => (head = request));
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(
      'GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n' +
        'X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nAccept: */*\r\n\r\n',
    );
    await client.until('ok');
    const lines = head.trimEnd().split('\r\n');
    expect(lines.shift()).toBe('GET /x HTTP/1.1');
    expect(lines.sort()).toEqual([
      'Accept: */*', 'Host: a.example', 'Via: 1.1 steelyard', 'X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Host: a.example', 'X-Forwarded-Proto: http',
    ]);
  });

  it('do not show plugins what an untrusted client says of itself', async () => {
    const seen: unknown[] = [];
    const spy = definePlugin<{}>({
      name: 'spy', options: {},
      setup: (_options, host) => host.hooks.onRequest.tap(({ request, clientAddress }) => {
        seen.push(request.header('x-forwarded-for'), request.hasHeader('Forwarded'), request.headers().map(([name]) => name), clientAddress);
      }),
    });
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), plugins: [spy()] });
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real: 1\r\n\r\n');
    await client.until('x');
    expect(seen).toEqual([undefined, false, ['Host', 'X-Real'], '127.0.0.1']);
  });

  it('of a trusted proxy keep what it says of the client', async () => {
    let head = '';
    const { url } = await scriptedOrigin([OK], (request) => (head = request));
    const { port } = await start({
      ...proxyTo(url),
      listeners: [{ port: 0, host: '127.0.0.1', trustedProxies: ['127.0.0.0/8'], forwarding: { forwarded: true } }],
    });
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n');
    await client.until('ok');
    expect(head).toContain('X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n');
    expect(head.toLowerCase()).toContain('x-forwarded-proto: https\r\n');
    expect(head).toContain('Forwarded: for=127.0.0.1;host="a";proto=http\r\n');
  });

  it('with bodies, of known length or in chunks, arrive whole and framed', async () => {
    const { url } = await httpOrigin((request, response) => {
      let body = '';
      request.on('data', (bytes) => (body += bytes));
      request.on('end', () => response.end(`${request.headers['content-length'] ?? request.headers['transfer-encoding']}|${body}|${JSON.stringify(request.trailers)}`));
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await client.until('5|hello|{}');
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nfoo\r\n');
    client.send('3\r\nbar\r\n0\r\nX-Sum: 7\r\n\r\n');
    await client.until('chunked|foobar|{"x-sum":"7"}');
  });
});

describe('the balancer answers', () => {
  it('404 when no route matches', async () => {
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/api/*' }, pool: 'web' }] });
    expect((await fetch(`http://127.0.0.1:${port}/other`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/api/x`)).status).toBe(200);
  });

  it('502 when the only backend refuses, and the client keeps its connection', async () => {
    const { port } = await start(proxyTo(`http://127.0.0.1:${await deadPort()}`));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until('502 Bad Gateway\n');
    client.send(GET);
    await client.until(/(502 Bad Gateway\n[^]*){2}/);
  });

  it('504 when the backend does not answer in time', async () => {
    const { url } = await rawOrigin(() => {});
    const { port } = await start({ ...proxyTo(url), pools: { web: { backends: [url], timeouts: { responseMs: 100 } } } });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(504);
  });

  it('408 to a head that is not completed, and closes an idle connection without a word', async () => {
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', timeouts: { headMs: 100, idleMs: 100 } }] });
    expect(await sendRaw(port, 'GET / HT')).toMatch(/^HTTP\/1.1 408 /);
    const idle = await RawClient.connect(port);
    expect(await idle.closed()).toBe('');
  });
});

describe('an exchange', () => {
  it('shows nothing of an earlier one that used the same object', async () => {
    const seen: string[] = [];
    const spy = definePlugin<{}>({
      name: 'spy', options: {},
      setup: (_options, host) => host.hooks.onResponse.tap((exchange, { status }) => seen.push(`${status} ${exchange.request?.method}${exchange.request?.target}`)),
    });
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', timeouts: { headMs: 100 } }], plugins: [spy()] });
    const first = await RawClient.connect(port);
    first.send('GET /secret HTTP/1.1\r\nHost: a\r\n\r\n');
    await first.until('x');
    await sendRaw(port, 'GET / HT');
    expect(seen).toEqual(['200 GET/secret', '408 ']);
  });
});

describe('a client that leaves', () => {
  it('ends the request to the backend, and the lease', async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { url } = await httpOrigin((_request, response) => {
      response.on('close', resolve);
      arrive();
    });
    const { balancer, port } = await start(proxyTo(url));
    const request = http.get({ port, host: '127.0.0.1' });
    request.on('error', () => {});
    await arrived;
    expect(balancer.ledger().inFlight).toBe(1);
    request.destroy();
    await cancelled;
    expect(balancer.ledger().inFlight).toBe(0);
  });
});

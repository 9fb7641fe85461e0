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

  it('that are pipelined are answered in order', async () => {
    const { url } = await httpOrigin((request, response) => {
      // The first takes longest: order is the balancer's doing, not luck.
      setTimeout(() => response.end(`<${request.url}>`), request.url === '/1' ? 30 : 0);
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    const received = await client.until('</3>');
    expect(received.match(/<\/\d>/g)).toEqual(['</1>', '</2>', '</3>']);
  });

  it('that come byte by byte are served', async () => {
    const { url } = await namedOrigin('hello');
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    for (const byte of GET) {
      client.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.until('hello')).toMatch(/^HTTP\/1.1 200 OK\r\n/);
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

  it('of HTTP/1.0 clients are served, and their connection closed unless they asked to keep it', async () => {
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n']);
    const { port } = await start(proxyTo(url));
    const received = await sendRaw(port, 'GET / HTTP/1.0\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(received).toMatch(/Connection: close\r\n/);
    expect(received).not.toMatch(/Transfer-Encoding/i);
    expect(received).toMatch(/\r\n\r\nok$/);
  });

  it('with Expect: 100-continue get the 100 of the backend before they send their body', async () => {
    const { url } = await httpOrigin((request, response) => {
      let body = '';
      request.on('data', (bytes) => (body += bytes));
      request.on('end', () => response.end(`got ${body}`));
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('late');
    await client.until('got late');
  });
});

describe('responses', () => {
  it.each([
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', /Content-Length: 9\r\n/],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1.1 204 No Content\r\n/],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', /ETag: "x"\r\n/],
  ])('without a body (%s) leave the connection in step', async (_name, method, response, expected) => {
    const { url } = await scriptedOrigin([response, OK]);
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.until(expected);
    client.send(GET);
    expect(await client.until('ok')).toMatch(/HTTP\/1.1 200 OK\r\n[^]*ok$/);
  });

  it('that end with the connection become chunked, and the client keeps its connection', async () => {
    const { url } = await rawOrigin((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')));
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('0\r\n\r\n')).toContain('d\r\nuntil the end\r\n0\r\n\r\n');
    client.send(GET);
    await client.until(/(until the end[^]*){2}/);
  });

  it('of 103 go to an HTTP/1.1 client before the final one, and not to an HTTP/1.0 client', async () => {
    const { url } = await scriptedOrigin([`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`]);
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('ok')).toMatch(/^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1.1 200 OK/);
    expect(await sendRaw(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 OK/);
  });

  it('that are cut short are not passed off as whole', async () => {
    const { url } = await rawOrigin((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel')));
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    const received = await client.send(GET).closed();
    expect(received).not.toContain('0\r\n\r\n');
  });

  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'],
  ])('with %s are a 502', async (_name, response) => {
    const { url } = await scriptedOrigin([response]);
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(GET);
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
  });

  it('with more bytes than they declared end that connection to the backend', async () => {
    const origin = await scriptedOrigin([`${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`, OK]);
    const { port } = await start(proxyTo(origin.url));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.until('ok');
    client.send(GET);
    expect(await client.until(/(ok[^]*){2}/)).not.toContain('poison');
    expect(origin.connections).toBe(2);
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

  it.each([
    ['400', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['414', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ['431', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['413', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n', 413],
    ['413 for chunks', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`, 413],
    ['505', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['501', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 501],
  ])('%s to what it does not accept, closes, and the backend never hears of it', async (_name, bytes, status) => {
    let requests = 0;
    const { url } = await httpOrigin((_request, response) => {
      requests++;
      response.end();
    });
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', limits: { maxBodyBytes: 1000 } }] });
    const received = await sendRaw(port, bytes);
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(received).toContain('Connection: close\r\n');
    expect(requests).toBe(0);
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

describe('an upgrade', () => {
  it('becomes a tunnel both ways when the backend agrees', async () => {
    const { url } = await rawOrigin((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst;');
        socket.on('data', (bytes) => socket.write(bytes));
        socket.on('end', () => socket.end('last'));
      });
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    const head = await client.until('first;');
    expect(head).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n/);
    expect(head).toMatch(/Upgrade: echo\r\n/i);
    client.send('ping;');
    await client.until('ping;');
    client.socket.end();
    expect(await client.closed()).toMatch(/last$/);
  });

  it('that is refused leaves an ordinary connection, and what was sent early is not tunnelled', async () => {
    const heads: string[] = [];
    const { url } = await scriptedOrigin([OK], (head) => heads.push(head));
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(`GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${GET}`);
    await client.until(/(ok[^]*){2}/);
    expect(heads).toHaveLength(2);
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

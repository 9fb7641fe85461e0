/** WebSocket (RFC 6455) and other upgrades through the balancer; the client is Node's own. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { proxyTo, start, type Running } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { rawOrigin } from './support/origin.ts';
import { Recorder } from './support/tcp.ts';
import { webSocketOrigin, type WebSocketOrigin } from './support/websocket-server.ts';

interface Opened {
  readonly socket: WebSocket;
  /** The next message: text, or bytes. */
  readonly next: () => Promise<string | Buffer>;
  readonly closed: Promise<{ code: number; reason: string; wasClean: boolean }>;
}

async function open(port: number): Promise<Opened> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?room=1`);
  socket.binaryType = 'arraybuffer';
  onTestFinished(() => socket.close());
  const messages: (string | Buffer)[] = [];
  const waiting: ((message: string | Buffer) => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    const message = typeof data === 'string' ? data : Buffer.from(data as ArrayBuffer);
    const waiter = waiting.shift();
    if (waiter) waiter(message);
    else messages.push(message);
  });
  const closed = new Promise<{ code: number; reason: string; wasClean: boolean }>((resolve) =>
    socket.addEventListener('close', ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('no WebSocket')));
  });
  const next = (): Promise<string | Buffer> => {
    const message = messages.shift();
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
  };
  return { socket, next, closed };
}

async function chat(): Promise<Running & { origin: WebSocketOrigin; recorder: Recorder }> {
  const recorder = new Recorder();
  const origin = await webSocketOrigin();
  return { ...(await start({ ...proxyTo(origin.url), plugins: [recorder.plugin] })), origin, recorder };
}

describe('a WebSocket', () => {
  it('carries text and bytes both ways, in order', async () => {
    const { port, origin } = await chat();
    const { socket, next } = await open(port);
    const bytes = randomBytes(1000);
    socket.send('grüß dich');
    socket.send(bytes);
    socket.send('');
    expect([await next(), await next(), await next()]).toEqual(['grüß dich', bytes, '']);
    expect(origin.heads[0]).toMatch(/^GET \/chat\?room=1 HTTP\/1.1\r\n/);
    expect(origin.heads[0]).toMatch(/^connection: upgrade\r?$/im);
    expect(origin.heads[0]).toMatch(/^X-Forwarded-For: 127.0.0.1\r?$/m);
  });

  it('carries messages of many megabytes', async () => {
    const { port } = await chat();
    const { socket, next } = await open(port);
    const large = randomBytes(8_000_000);
    socket.send(large);
    expect(large.equals((await next()) as Buffer)).toBe(true);
  });

  it('lets the server ping its client', async () => {
    const { port } = await chat();
    const { socket, next } = await open(port);
    socket.send('ping:are you there');
    expect(await next()).toBe('pong:are you there');
  });

  it('is closed by its client with code and reason, and that is an end in order', async () => {
    const { port, origin, recorder } = await chat();
    const { socket, next, closed } = await open(port);
    socket.send('hello');
    await next();
    socket.close(4000, 'enough');
    expect(await closed).toMatchObject({ code: 4000, wasClean: true });
    expect(origin.closes).toEqual([{ code: 4000, reason: 'enough' }]);
    expect(await recorder.result()).toMatchObject({ status: 101, answeredBy: 'backend', abortedBy: undefined, code: '' });
    expect(recorder.fates).toEqual(['answered']);
    expect(recorder.attempts[0]!.outcome).toMatchObject({ status: 101, bytesFromBackend: origin.bytesWritten });
  });

  it('is closed by its server', async () => {
    const { port, recorder } = await chat();
    const { socket, closed } = await open(port);
    socket.send('bye');
    expect(await closed).toMatchObject({ code: 1001, wasClean: true });
    expect(await recorder.result()).toMatchObject({ status: 101, abortedBy: undefined });
  });

  it('stays open over a reload', async () => {
    const { balancer, port, origin } = await chat();
    const { socket, next } = await open(port);
    const other = await webSocketOrigin();
    await balancer.reload({ ...proxyTo(other.url), log: { level: 'silent' } });
    socket.send('still there?');
    expect(await next()).toBe('still there?');
    const fresh = await open(port);
    fresh.socket.send('new here');
    expect(await fresh.next()).toBe('new here');
    expect([origin.heads.length, other.heads.length]).toEqual([1, 1]);
  });

  it('is cut by a stop at the drain limit, and not before', async () => {
    const { balancer, port, origin, recorder } = await chat();
    const { socket, next, closed } = await open(port);
    const stopping = balancer.stop({ drainLimitMs: 150 });
    socket.send('still there?');
    expect(await next()).toBe('still there?');
    expect(await closed).toMatchObject({ code: 1006, wasClean: false });
    await stopping;
    expect(await recorder.result()).toMatchObject({ status: 101, abortedBy: 'balancer', code: 'ERR_DRAIN_LIMIT' });
    expect(recorder.fates).toEqual(['aborted by balancer']);
    while (origin.ends.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(origin.ends).toEqual(['ECONNRESET']);
  });

  it('that nobody uses is cut after tunnelMs', async () => {
    const recorder = new Recorder();
    const { url } = await webSocketOrigin();
    const { port } = await start({ ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', timeouts: { tunnelMs: 100 } }], plugins: [recorder.plugin] });
    const { closed } = await open(port);
    expect(await closed).toMatchObject({ code: 1006 });
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_TUNNEL_IDLE' });
  });
});

describe('an upgrade', () => {
  const ASK = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: count\r\n\r\n';
  const AGREE = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: count\r\n\r\n';

  it('loses nothing of a client that does not wait for it, however much it sends', async () => {
    const size = 300_000;
    const { url } = await rawOrigin((socket) => {
      let received = 0;
      socket.once('data', () => {
        // By now the balancer has as much of the rest as it will take, and reads no further.
        setTimeout(() => socket.write(AGREE), 50);
        socket.on('data', (bytes) => {
          received += bytes.length;
          if (received === size) socket.end(`${received};`);
        });
      });
    });
    const { port } = await start(proxyTo(url));
    const client = await RawClient.connect(port);
    client.send(ASK + 'x'.repeat(size));
    await client.until(`${size};`);
  });

  it('counts what came together with the 101 once', async () => {
    const recorder = new Recorder();
    const { url } = await rawOrigin((socket) => {
      socket.once('data', () => socket.write(`${AGREE}first;`));
      socket.on('end', () => socket.end('last;'));
    });
    const { port } = await start({ ...proxyTo(url), plugins: [recorder.plugin] });
    const client = await RawClient.connect(port);
    await client.send(ASK).until('first;');
    client.socket.end();
    expect(await client.closed()).toMatch(/first;last;$/);
    expect(await recorder.result()).toMatchObject({ bytesToClient: 'first;last;'.length });
    expect(recorder.attempts[0]!.outcome.bytesFromBackend).toBe(AGREE.length + 'first;last;'.length);
  });

  it('of a request with a body is not asked for, and a backend that grants it all the same is a 502', async () => {
    const recorder = new Recorder();
    let head = '';
    const { url } = await rawOrigin((socket) =>
      socket.once('data', (bytes) => {
        head = bytes.toString('latin1');
        socket.write(AGREE);
      }),
    );
    const { port } = await start({ ...proxyTo(url), plugins: [recorder.plugin] });
    const client = await RawClient.connect(port);
    client.send(ASK.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 10\r\n\r\nhalf'));
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1.1 502 /);
    expect(head).not.toMatch(/upgrade/i);
    expect(recorder.fates).toEqual(['failed in head: ERR_UPSTREAM_MALFORMED']);
  });

  it('that a client resets reaches the backend as a reset', async () => {
    const recorder = new Recorder();
    const { promise: ended, resolve: end } = Promise.withResolvers<string>();
    const { url } = await rawOrigin((socket) => {
      socket.on('error', (error) => end('code' in error ? String(error.code) : ''));
      socket.once('data', () => socket.write(AGREE));
    });
    const { port } = await start({ ...proxyTo(url), plugins: [recorder.plugin] });
    const client = await RawClient.connect(port);
    await client.send(ASK).until('\r\n\r\n');
    client.socket.resetAndDestroy();
    expect(await ended).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ status: 101, abortedBy: 'client', code: 'ERR_CLIENT_CLOSED' });
    expect(recorder.fates).toEqual(['aborted by client']);
  });
});

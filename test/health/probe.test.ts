import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Backend } from '@steelyard/sdk';
import { probe } from '../../core/src/health/probe.ts';

const servers: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
});

/** A server that does with each connection what the test says. */
async function serverThat(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { backend: backendAt(port), address: `127.0.0.1:${port}`, server, sockets };
}
const backendAt = (port: number): Backend =>
  ({ id: 'web/x', pool: 'web', url: `http://127.0.0.1:${port}`, protocol: 'http', host: '127.0.0.1', port, address: `127.0.0.1:${port}` }) as Backend;

/** Answers the first bytes of each connection. */
const answering = (answer: string | Buffer, then: 'stay' | 'end' | 'reset' = 'stay') => (socket: Socket) =>
  socket.once('data', () => socket.write(answer, () => (then === 'end' ? socket.end() : then === 'reset' ? socket.resetAndDestroy() : undefined)));

async function refusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const never = (): AbortSignal => new AbortController().signal;
describe('a TCP probe', () => {
  it('is good when the backend accepts', async () => {
    const there = await serverThat(() => {});
    await expect(probe(there.backend, undefined, never())).resolves.toBeUndefined();
  });

  it('fails with a sentence when it is refused', async () => {
    const port = await refusedPort();
    await expect(probe(backendAt(port), undefined, never())).rejects.toMatchObject({ code: 'ERR_PROBE', message: `connect to 127.0.0.1:${port}: connection refused` });
  });
});

describe('an HTTP probe', () => {
  it('gives status, joined lower-case headers and body', async () => {
    const there = await serverThat(answering('HTTP/1.1 503 Busy\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nno'));
    const response = await probe(there.backend, {}, never());
    expect(response).toEqual({ status: 503, headers: { 'x-a': '1, 2', 'content-length': '2' }, body: 'no' });
  });

  it('sends one request on a connection of its own, its Host the backend unless another is given', async () => {
    const received: string[] = [];
    const there = await serverThat((socket) => {
      socket.on('data', (bytes) => received.push(bytes.toString('latin1')));
      answering('HTTP/1.1 204 No Content\r\n\r\n')(socket);
    });
    await probe(there.backend, { path: '/healthz?x=1' }, never());
    await probe(there.backend, { method: 'HEAD', headers: { Host: 'api.example.org', 'X-Key': 'k' } }, never());
    expect(received[0]).toBe(`GET /healthz?x=1 HTTP/1.1\r\nhost: ${there.address}\r\nuser-agent: steelyard-probe\r\nconnection: close\r\n\r\n`);
    expect(received[1]).toMatch(/^HEAD \/ HTTP\/1\.1\r\nhost: api\.example\.org\r\n.*x-key: k\r\n/s);
    expect(there.sockets.size).toBe(2);
  });

  it('connects to the address that the name of the backend stands for', async () => {
    const there = await serverThat(answering('HTTP/1.1 204 No Content\r\n\r\n'));
    const named = { ...there.backend, host: 'name.invalid', connectHost: '127.0.0.1' };
    await expect(probe(named, {}, never())).resolves.toMatchObject({ status: 204 });
  });

  it('reads a body that comes slowly and ends with the connection', async () => {
    const there = await serverThat((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nslo');
        setImmediate(() => socket.write('w', () => setImmediate(() => socket.end(' body'))));
      }),
    );
    await expect(probe(there.backend, {}, never())).resolves.toMatchObject({ status: 200, body: 'slow body' });
  });

  it('keeps maxBodyBytes of a huge body and does not read the rest', async () => {
    let sent = 0;
    const there = await serverThat((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        const piece = Buffer.alloc(65_536, 'x');
        const pour = (): void => {
          while (!socket.destroyed && socket.write(piece)) sent += piece.length;
        };
        socket.on('drain', pour);
        pour();
      }),
    );
    const response = await probe(there.backend, { maxBodyBytes: 10 }, never());
    expect(response?.body).toBe('xxxxxxxxxx');
    const defaulted = await probe(there.backend, {}, never());
    expect(defaulted?.body).toHaveLength(65_536);
    // Two times what the kernel's buffers of both sides take at most on loopback, far from the gigabyte.
    expect(sent).toBeLessThan(50_000_000);
  });

  it('asks for no body with maxBodyBytes 0, and cuts no character in two', async () => {
    const there = await serverThat(answering('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\u00e9b'));
    const withoutBody = await serverThat(answering('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'));
    await expect(probe(withoutBody.backend, { maxBodyBytes: 0 }, never())).resolves.toMatchObject({ status: 200, body: '' });
    await expect(probe(there.backend, { maxBodyBytes: 2 }, never())).resolves.toMatchObject({ body: 'a' });
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['a reset', (socket) => socket.once('data', () => socket.resetAndDestroy()), /^connection reset$/],
    ['a close without an answer', (socket) => socket.once('data', () => socket.end()), /^the connection was closed without an answer$/],
    ['an upgrade that nobody asked for', answering('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'), /^the connection was closed without an answer$/],
    ['half a body', answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'end'), /^the connection was closed in the middle of the answer$/],
    ['a malformed chunk', answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n'), /^the answer is no HTTP\/1\.1 \(.+\)$/],
    ['a reset within the body', answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'reset'), /^(connection reset|the connection was closed in the middle of the answer)$/],
    ['another protocol', answering('SSH-2.0-OpenSSH_9.2\r\n'), /^the answer is no HTTP\/1\.1 \(.+\)$/],
    ['a head without end', answering(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`), /^the head of the answer is too long$/],
  ])('fails with a sentence after %s', async (_name, behaviour, sentence) => {
    const there = await serverThat(behaviour);
    const failure = await probe(there.backend, { path: '/healthz' }, never()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_PROBE', source: 'upstream' });
    const prefix = `GET http://${there.address}/healthz: `;
    const { message } = failure as Error;
    expect(message.slice(0, prefix.length)).toBe(prefix);
    expect(message.slice(prefix.length)).toMatch(sentence);
  });

  it('fails with a sentence when it is refused, or when the request cannot be sent', async () => {
    const port = await refusedPort();
    await expect(probe(backendAt(port), { path: '/healthz' }, never())).rejects.toMatchObject({ code: 'ERR_PROBE', message: `GET http://127.0.0.1:${port}/healthz: connection refused` });
    await expect(probe(backendAt(port), { path: '/a b' }, never())).rejects.toMatchObject({ code: 'ERR_PROBE' });
    await expect(probe(backendAt(port), { headers: { 'x-y': 'a\nb' } }, never())).rejects.toMatchObject({ code: 'ERR_PROBE' });
  });
});

describe('a probe that is aborted', () => {
  it('rejects with the reason of the signal: before it began, and while a silent server says nothing', async () => {
    const there = await serverThat(() => {});
    const late = new Error('no answer within 1000 ms');
    await expect(probe(there.backend, {}, AbortSignal.abort(late))).rejects.toBe(late);
    const aborter = new AbortController();
    const result = probe(there.backend, {}, aborter.signal);
    await once(there.server, 'connection');
    aborter.abort(late);
    await expect(result).rejects.toBe(late);
  });

  it('rejects in the middle of a body, and while it connects', async () => {
    const there = await serverThat(answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    for (const request of [{}, undefined]) {
      const aborter = new AbortController();
      const result = probe(there.backend, request, aborter.signal);
      if (request) await once((await once(there.server, 'connection'))[0] as Socket, 'data');
      aborter.abort(new Error('over'));
      await expect(result).rejects.toThrow('over');
    }
  });
});

it('has closed its socket and let go of the signal when it settles, however it ended', async () => {
  const opened: Socket[] = [];
  const note = (message: unknown): number => opened.push((message as { socket: Socket }).socket);
  const good = await serverThat(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const silent = await serverThat(() => {});
  const closing = await serverThat((socket) => socket.end());
  const aborter = new AbortController();
  const settledClean = async (result: Promise<unknown>): Promise<void> => {
    await result.catch(() => {});
    expect(opened.map((socket) => socket.closed)).toEqual(opened.map(() => true));
    expect(getEventListeners(aborter.signal, 'abort')).toHaveLength(0);
  };
  subscribe('net.client.socket', note);
  try {
    for (const backend of [good.backend, closing.backend, backendAt(await refusedPort())]) {
      for (const request of [undefined, {}, { maxBodyBytes: 1 }, { path: '/a b' }]) await settledClean(probe(backend, request, aborter.signal));
    }
    expect(opened, 'one socket a probe').toHaveLength(12);
    const result = probe(silent.backend, {}, aborter.signal);
    await once(silent.server, 'connection');
    aborter.abort(new Error('over'));
    await settledClean(result);
  } finally {
    unsubscribe('net.client.socket', note);
  }
});

/** How long a client may take: slowloris, slow POST, slow read, idle connections, whole requests. */
import { describe, expect, it } from 'vitest';
import { RawClient } from '../e2e/support/client.ts';
import { httpOrigin, rawOrigin } from '../e2e/support/origin.ts';
import { Peer } from '../e2e/support/peer.ts';
import { expectMet, startLimited, until, type Limited } from './support.ts';

const echo = () => httpOrigin((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => void (bytes += chunk.length));
  request.on('end', () => response.end(`got ${bytes}`));
});

/** Sends a byte every `everyMs` until the other side ends it. @returns how long it took */
async function drip(client: RawClient, bytes: string, everyMs: number): Promise<number> {
  const startedAt = performance.now();
  for (const byte of bytes) {
    if (client.isClosed || client.socket.destroyed) break;
    client.send(byte);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return performance.now() - startedAt;
}

describe('a head', () => {
  it('that comes byte by byte has as long as one that does not come', async () => {
    const limited = await startLimited({ timeouts: { headMs: 200 } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    const tookMs = await drip(client, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(500)}`, 10);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 408 /);
    expect(tookMs).toBeLessThan(4_000);
    await expectMet(limited, { head_time: 1 });
  });

  it('of which nothing comes is not waited for longer, and one on a used connection is an idle one', async () => {
    const limited = await startLimited({ timeouts: { headMs: 100, idleMs: 150 } }, (await echo()).url);
    expect(await (await RawClient.connect(limited.port)).closed()).toBe('');
    await expectMet(limited, { head_time: 1 });
    const used = await RawClient.connect(limited.port);
    expect(await used.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').closed()).toMatch(/^HTTP\/1\.1 200 /);
    await expectMet(limited, { head_time: 1, idle_time: 1 });
  });
});

describe('a body', () => {
  const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';

  it.each<[string, string, string]>([
    ['of a length', `${POST}Content-Length: 1000\r\n\r\n`, 'x'.repeat(200)],
    ['in chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'.repeat(40)],
    ['in chunks that say much beside the data', `${POST}Transfer-Encoding: chunked\r\n\r\n`, `1;${'x'.repeat(100)}\r\nx\r\n`.repeat(2)],
  ])('%s that drips is ended for its rate, not for a silence', async (_what, head, body) => {
    // Each byte comes within the silence; together they are too slow: 100 bytes per second at most, and 1,000 wanted.
    const limited = await startLimited({ timeouts: { bodyMs: 1_000, graceMs: 200 }, limits: { minBodyBytesPerSecond: 1_000 } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    client.send(head);
    await drip(client, body, 10);
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 408 /);
    await expectMet(limited, { body_rate: 1 });
  });

  it('that keeps the rate takes as long as it needs, many times the grace', async () => {
    const limited = await startLimited({ timeouts: { bodyMs: 400, graceMs: 300 }, limits: { minBodyBytesPerSecond: 1_000 } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    client.send(`${POST}Content-Length: 200000\r\n\r\n`);
    for (let part = 0; part < 20; part++) {
      client.send('x'.repeat(10_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 [^]*got 200000/);
    await expectMet(limited, {});
  });

  it('that stops is ended for its silence', async () => {
    const limited = await startLimited({ timeouts: { bodyMs: 150, graceMs: 5_000 } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    expect(await client.send(`${POST}Content-Length: 10\r\n\r\nhello`).closed()).toMatch(/^HTTP\/1\.1 408 /);
    await expectMet(limited, { body_time: 1 });
  });

  it('may be as slow as it likes without a floor', async () => {
    const limited = await startLimited({ timeouts: { bodyMs: 1_000, graceMs: 0 }, limits: { minBodyBytesPerSecond: null } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    client.send(`${POST}Content-Length: 20\r\n\r\n`);
    await drip(client, 'x'.repeat(20), 20);
    expect(await client.closed()).toMatch(/got 20/);
    await expectMet(limited, {});
  });

  it('is not held against the client while the backend takes none of it', async () => {
    const { promise: backend, resolve } = Promise.withResolvers<{ resume(): void }>();
    const origin = await rawOrigin((socket) => {
      socket.pause();
      resolve(socket);
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > 30_000_000) socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
      socket.pause();
    });
    const limited = await startLimited({ timeouts: { bodyMs: 300, graceMs: 100 }, limits: { minBodyBytesPerSecond: 1_000_000_000 } }, origin.url);
    const client = await RawClient.connect(limited.port);
    client.send(`${POST}Content-Length: 30000000\r\n\r\n`);
    client.socket.write(Buffer.alloc(30_000_000));
    const socket = await backend;
    await new Promise((done) => setTimeout(done, 500));
    await expectMet(limited, {});
    expect(client.isClosed).toBe(false);
    socket.resume();
    // From here on it is the client's time again: a billion bytes per second nobody sends.
    await client.closed();
  });
});

/** Large enough for no buffer of the system. */
const SIZE = 60_000_000;
const large = () => rawOrigin((socket) => {
  socket.once('data', () => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    socket.write(Buffer.alloc(SIZE));
  });
});

/** Reads a little, then waits, and so on. */
async function sip(limited: Limited, everyMs: number): Promise<Peer> {
  const peer = await Peer.connect(limited.port, false);
  peer.socket.on('data', () => peer.socket.pause());
  peer.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const timer = setInterval(() => {
    if (peer.isClosed) clearInterval(timer);
    else peer.socket.resume();
  }, everyMs);
  return peer;
}

describe('a reader', () => {
  it('that reads nothing is cut off', async () => {
    const limited = await startLimited({ timeouts: { writeMs: 200 }, limits: { minResponseBytesPerSecond: null } }, (await large()).url);
    const peer = await Peer.connect(limited.port, false);
    peer.socket.pause();
    peer.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(async () => (await limited.hits('write_time')) === 1);
    peer.socket.resume();
    expect(await peer.closed()).toBe('ECONNRESET');
    await expectMet(limited, { write_time: 1 });
  });

  it('that sips is cut off for its rate, though it always reads something', async () => {
    // 64 KiB every 30 ms are 2 MB a second.
    const limited = await startLimited({ timeouts: { writeMs: 2_000, graceMs: 100 }, limits: { minResponseBytesPerSecond: 100_000_000 } }, (await large()).url);
    const peer = await sip(limited, 30);
    await until(async () => Object.keys(await limited.met()).length > 0);
    await expectMet(limited, { write_rate: 1 });
    peer.socket.resume();
    expect(await peer.closed()).toBe('ECONNRESET');
    expect(peer.bytes).toBeLessThan(SIZE);
  });

  it('that keeps the rate is served to the end', async () => {
    const limited = await startLimited({ timeouts: { writeMs: 1_000, graceMs: 100 }, limits: { minResponseBytesPerSecond: 1_000_000 } }, (await large()).url);
    const peer = await sip(limited, 1);
    await until(() => peer.bytes > SIZE);
    await expectMet(limited, {});
  });
});

describe('a whole request', () => {
  const limitedTo = (requestMs: number, url: string): Promise<Limited> => startLimited({ timeouts: { requestMs } }, url);

  it('that is over in time knows nothing of the limit, and neither does an idle connection', async () => {
    const limited = await limitedTo(200, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    for (let turn = 0; turn < 3; turn++) {
      client.received = '';
      await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').until('got 0');
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(client.isClosed).toBe(false);
    await expectMet(limited, {});
  });

  it.each<[string, string, () => Promise<{ url: string }>, RegExp]>([
    ['408 while its body is still coming', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello', echo, /^HTTP\/1\.1 408 /],
    ['504 while its response is waited for', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', () => rawOrigin(() => {}), /^HTTP\/1\.1 504 /],
  ])('is answered %s', async (_what, request, origin, answer) => {
    const limited = await limitedTo(200, (await origin()).url);
    const client = await RawClient.connect(limited.port);
    expect(await client.send(request).closed()).toMatch(answer);
    await expectMet(limited, { request_time: 1 });
  });

  it('is cut off in its response, however briskly that comes', async () => {
    const origin = await rawOrigin((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const timer = setInterval(() => socket.write('1\r\nx\r\n'), 10);
        socket.on('close', () => clearInterval(timer));
      });
    });
    const limited = await limitedTo(200, origin.url);
    const client = await RawClient.connect(limited.port);
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').closed();
    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
    await expectMet(limited, { request_time: 1 });
  });
});

it('a tunnel without a byte is counted when it is cut', async () => {
  const origin = await rawOrigin((socket) => void socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')));
  const limited = await startLimited({ timeouts: { tunnelMs: 100, requestMs: 50 } }, origin.url);
  const client = await RawClient.connect(limited.port);
  await client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n').until('101');
  await client.closed();
  // It is over when both sides are closed.
  await until(async () => Object.keys(await limited.met()).length > 0);
  await expectMet(limited, { tunnel_idle_time: 1 });
});

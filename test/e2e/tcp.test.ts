/** TCP connections through the balancer, on real sockets: every byte, every FIN and every reset goes where it would have gone without it. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { definePlugin } from '@steelyard/sdk';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { start } from './support/balancer.ts';
import { deafOrigin } from './support/deaf.ts';
import { deadPort } from './support/origin.ts';
import { echoOrigin, Peer, tcpOrigin } from './support/peer.ts';
import { gatekeeper, logBook, Recorder, tcpTo } from './support/tcp.ts';

const MIB = 1_048_576;

/** Pseudo-random, so that a failure can be repeated (xorshift32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Sends so many random bytes in pieces of random length, as fast as they are taken, then a FIN. Returns their hash. */
async function sendRandomly(peer: Peer, size: number, seed: number): Promise<string> {
  const below = numbers(seed);
  const hash = createHash('sha256');
  const noise = Buffer.from(Array.from({ length: 300_000 }, () => below(256)));
  for (let sent = 0; sent < size;) {
    const from = below(noise.length / 2);
    const length = Math.min(size - sent, below(8) === 0 ? 1 + below(noise.length / 2) : 1 + below(3_000));
    const piece = noise.subarray(from, from + length);
    hash.update(piece);
    sent += length;
    if (!peer.socket.write(piece)) await new Promise((resolve) => peer.socket.once('drain', resolve));
    else if (below(16) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  peer.end();
  return hash.digest('hex');
}

describe('connections', () => {
  it('go to the backends in turn', async () => {
    const origins = await Promise.all(['a', 'b', 'c'].map(echoOrigin));
    const { port } = await start(tcpTo(origins.map(({ url }) => url)));
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) {
      const client = await Peer.connect(port);
      await client.untilBytes(1);
      seen.push(client.text);
    }
    expect(new Set(seen.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']));
    expect(seen.slice(3)).toEqual(seen.slice(0, 3));
  });

  it.each([1, 2, 3])('carry every byte, both ways at once, however it is cut up (seed %i)', async (seed) => {
    const recorder = new Recorder();
    const origin = await tcpOrigin(() => {}, false);
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port, false);
    const backend = await origin.next();
    const size = 4 * MIB + seed;
    const [up, down] = await Promise.all([sendRandomly(client, size, seed), sendRandomly(backend, size + 1, seed + 100), client.ended(), backend.ended()]);
    expect(backend.digest()).toBe(up);
    expect(client.digest()).toBe(down);
    expect(await recorder.result()).toMatchObject({ bytesFromClient: size, bytesToClient: size + 1, abortedBy: undefined, code: '', status: 0, answeredBy: 'backend', attempts: 1 });
    expect(recorder.fates).toEqual(['answered']);
    expect(recorder.attempts[0]!.outcome).toMatchObject({ bytesToBackend: size, bytesFromBackend: size + 1 });
  });

  it('hear a backend that speaks first, and say when it did', async () => {
    const recorder = new Recorder();
    const origin = await tcpOrigin((peer) => void peer.send('220 mail.example ESMTP\r\n'));
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    await client.until('220 mail.example ESMTP\r\n');
    client.end();
    (await origin.next()).end();
    const { firstByteMs, durationMs } = await recorder.result();
    expect(firstByteMs).toBeGreaterThanOrEqual(0);
    expect(firstByteMs).toBeLessThanOrEqual(durationMs);
    expect(recorder.attempts[0]!.outcome.firstByteMs).toBeGreaterThanOrEqual(0);
  });

  it('keep what the client sends, and its FIN, until a backend is connected', async () => {
    const origin = await deafOrigin();
    const { balancer, port } = await start(tcpTo([origin.url]));
    const client = await Peer.connect(port);
    // More than is kept for it: the rest waits in the kernel.
    const size = 300_000;
    client.send(Buffer.alloc(size, 'x')).end();
    while (balancer.ledger().inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
    origin.listen();
    await client.ended();
    expect(client.bytes).toBe(size);
    expect(await client.closed()).toBe('');
  });
});

describe('a FIN', () => {
  it('of the client is passed on, and the backend can still answer', async () => {
    const recorder = new Recorder();
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    client.send('question').end();
    const backend = await origin.next();
    await backend.ended();
    expect(backend.text).toBe('question');
    backend.send('answer');
    await client.until('answer');
    expect(client.hasEnded).toBe(false);
    backend.end();
    expect(await client.closed()).toBe('');
    expect(await backend.closed()).toBe('');
    expect((await recorder.result()).abortedBy).toBeUndefined();
    expect(recorder.fates).toEqual(['answered']);
  });

  it('of the backend is passed on, and the client can still send', async () => {
    const recorder = new Recorder();
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    const backend = await origin.next();
    backend.send('that is all').end();
    await client.ended();
    expect(client.text).toBe('that is all');
    client.send('one more');
    await backend.until('one more');
    client.end();
    expect(await client.closed()).toBe('');
    expect((await recorder.result()).abortedBy).toBeUndefined();
    expect(recorder.fates).toEqual(['answered']);
  });
});

describe('a reset', () => {
  it('of the client reaches the backend as a reset', async () => {
    const recorder = new Recorder();
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    client.send('abc');
    const backend = await origin.next();
    await backend.until('abc');
    client.reset();
    expect(await backend.closed()).toBe('ECONNRESET');
    expect(backend.hasEnded).toBe(false);
    expect(await recorder.result()).toMatchObject({ abortedBy: 'client', code: 'ERR_CLIENT_CLOSED', bytesFromClient: 3 });
    expect(recorder.fates).toEqual(['aborted by client']);
  });

  it('of the backend reaches the client as a reset, is the backend’s fault, and is logged', async () => {
    const recorder = new Recorder();
    const { logger, lines } = logBook();
    const origin = await tcpOrigin((peer) => void peer.send('hello'));
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }), { logger });
    const client = await Peer.connect(port);
    await client.until('hello');
    (await origin.next()).reset();
    expect(await client.closed()).toBe('ECONNRESET');
    expect(client.hasEnded).toBe(false);
    expect(await recorder.result()).toMatchObject({ abortedBy: 'backend', code: 'ERR_UPSTREAM_CLOSED', bytesToClient: 5 });
    expect(recorder.fates).toEqual(['failed in body: ERR_UPSTREAM_CLOSED']);
    expect(lines).toContainEqual(expect.objectContaining({ code: 'ERR_UPSTREAM_CLOSED', backend: `tcp/${origin.url}` }));
  });

  it('right behind a FIN ends the tunnel too', async () => {
    const origin = await tcpOrigin((peer) => {
      peer.socket.on('data', () => {
        peer.end();
        peer.socket.once('finish', () => peer.reset());
      });
    });
    const recorder = new Recorder();
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    // It goes on writing, so the balancer's socket to the backend learns of the reset at the latest by a write.
    client.send('go');
    await client.ended();
    while (!client.isClosed) {
      client.send('more');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.errorCode).toMatch(/ECONNRESET|EPIPE/);
    await recorder.count(1);
    expect(recorder.attempts).toHaveLength(1);
  });

  it('of the client is noticed while its backend is still being connected to', async () => {
    const recorder = new Recorder();
    const origin = await deafOrigin();
    const { balancer, port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin], pool: { timeouts: { connectMs: 60_000 } } }));
    const client = await Peer.connect(port);
    client.send('hello?');
    while (balancer.ledger().inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
    client.reset();
    expect(await recorder.result()).toMatchObject({ abortedBy: 'client', code: 'ERR_CLIENT_CLOSED', attempts: 1, answeredBy: 'nobody' });
    expect(recorder.fates).toEqual(['aborted by client']);
    expect(balancer.ledger().inFlight).toBe(0);
  });
});

describe('a backend that cannot be reached', () => {
  it('is replaced by another, and the client sees nothing of it', async () => {
    const recorder = new Recorder();
    const alive = await echoOrigin();
    const dead = `tcp://127.0.0.1:${await deadPort()}`;
    const { port } = await start(tcpTo([dead, alive.url], { plugins: [recorder.plugin] }));
    for (let i = 0; i < 4; i++) {
      const client = await Peer.connect(port);
      client.send('hello').end();
      expect(await client.closed()).toBe('');
      expect(client.text).toBe('hello');
    }
    await recorder.count(4);
    expect(recorder.fates.filter((fate) => fate === 'answered')).toHaveLength(4);
    expect(recorder.fates).toContain('failed in connect: ERR_UPSTREAM_CONNECT');
    expect(recorder.results.every(({ result }) => result.code === '' && result.backend?.url === alive.url)).toBe(true);
  });

  it('is given up after its connect time-out', async () => {
    const recorder = new Recorder();
    const [deaf, alive] = await Promise.all([deafOrigin(), echoOrigin()]);
    const { port } = await start(tcpTo([deaf.url, alive.url], { plugins: [recorder.plugin], pool: { timeouts: { connectMs: 100 } } }));
    for (let i = 0; i < 2; i++) {
      const client = await Peer.connect(port);
      client.send('hello').end();
      await client.closed();
      expect(client.text).toBe('hello');
    }
    await recorder.count(2);
    expect(recorder.fates).toEqual(expect.arrayContaining(['answered', 'answered', 'failed in connect: ERR_UPSTREAM_CONNECT_TIMEOUT']));
  });

  it('and no other: the client is reset, and log and result say why', async () => {
    const recorder = new Recorder();
    const { logger, lines } = logBook();
    const dead = [`tcp://127.0.0.1:${await deadPort()}`, `tcp://127.0.0.1:${await deadPort()}`];
    const { port } = await start(tcpTo(dead, { plugins: [recorder.plugin] }), { logger });
    expect(await Peer.open(port).closed()).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_UPSTREAM_CONNECT', attempts: 2, answeredBy: 'nobody', bytesToClient: 0 });
    expect(recorder.fates).toEqual(['failed in connect: ERR_UPSTREAM_CONNECT', 'failed in connect: ERR_UPSTREAM_CONNECT']);
    expect(recorder.attempts.map(({ backend }) => backend).sort()).toEqual(dead.sort());
    expect(lines.filter(({ msg }) => msg.includes('ECONNREFUSED'))).toHaveLength(3); // each attempt, and the end
  });

  it('is tried as often as the pool allows, and not more', async () => {
    const recorder = new Recorder();
    const dead = await Promise.all([1, 2, 3].map(async () => `tcp://127.0.0.1:${await deadPort()}`));
    const { port } = await start(tcpTo(dead, { plugins: [recorder.plugin], pool: { retry: { attempts: 2 } } }));
    await Peer.open(port).closed();
    expect(await recorder.result()).toMatchObject({ attempts: 2 });
    expect(recorder.attempts).toHaveLength(2);
  });

  it('because it is full: the client is reset without an attempt', async () => {
    const recorder = new Recorder();
    const origin = await echoOrigin('hi');
    const { port } = await start({
      ...tcpTo([], { plugins: [recorder.plugin] }),
      pools: { tcp: { protocol: 'tcp', backends: [{ url: origin.url, maxInFlight: 1 }] } },
    });
    const first = await Peer.connect(port);
    await first.until('hi');
    expect(await Peer.open(port).closed()).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ code: 'ERR_NO_BACKEND', attempts: 0 });
    expect(recorder.attempts).toEqual([]);
    first.end();
    await first.closed();
    const third = await Peer.connect(port);
    await third.until('hi');
  });
});

describe('an idle tunnel', () => {
  it('is cut after tunnelMs, on both sides', async () => {
    const recorder = new Recorder();
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin], listener: { timeouts: { tunnelMs: 100 } } }));
    const client = await Peer.connect(port);
    const backend = await origin.next();
    expect(await client.closed()).toBe('ECONNRESET');
    expect(await backend.closed()).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_TUNNEL_IDLE' });
    expect(recorder.fates).toEqual(['aborted by balancer']);
  });

  it('is cut also when one side reads nothing, and a FIN waits behind its bytes', async () => {
    const recorder = new Recorder();
    // More than the sockets' buffers take, so that the rest and the FIN wait in the balancer.
    const origin = await tcpOrigin((peer) => void peer.send(Buffer.alloc(32 * MIB)).end());
    const { balancer, port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin], listener: { timeouts: { tunnelMs: 200 } } }));
    const client = await Peer.connect(port);
    client.socket.pause();
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_TUNNEL_IDLE' });
    expect(balancer.ledger()).toMatchObject({ inFlight: 0, upstreamConnections: 0, clientConnections: 0 });
  });

  it('is not idle while bytes go one way', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url], { listener: { timeouts: { tunnelMs: 200 } } }));
    onTestFinished(() => void vi.useRealTimers());
    const client = await Peer.connect(port);
    const backend = await origin.next();
    for (let i = 1; i <= 10; i++) {
      vi.advanceTimersByTime(150);
      client.send('.');
      await backend.untilBytes(i);
    }
    expect(client.isClosed).toBe(false);
    vi.advanceTimersByTime(300);
    expect(await client.closed()).toBe('ECONNRESET');
  });
});

describe('onConnect', () => {
  it('refuses: no backend hears of it, and there is no exchange', async () => {
    const recorder = new Recorder();
    const { logger, lines } = logBook();
    const origin = await tcpOrigin();
    const refuse = gatekeeper(async ({ protocol, remoteAddress }) => ({ refuse: `${protocol} from ${remoteAddress}` }));
    const { port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin, refuse] }), { logger });
    const client = Peer.open(port).send('hello').end();
    await client.closed();
    expect(origin.connections).toBe(0);
    expect([recorder.attempts, recorder.results]).toEqual([[], []]);
    expect(lines.map(({ msg }) => msg)).toContain('connection refused: tcp from 127.0.0.1');
  });

  it('may take its time: nothing that the client sent meanwhile is lost', async () => {
    const origin = await echoOrigin();
    const { promise: thinking, resolve: decide } = Promise.withResolvers<void>();
    const { port } = await start(tcpTo([origin.url], { plugins: [gatekeeper(() => thinking)] }));
    const client = await Peer.connect(port);
    await new Promise<void>((resolve) => client.socket.write(Buffer.alloc(200_000, 'y'), () => resolve()));
    client.end();
    decide();
    expect(await client.closed()).toBe('');
    expect(client.bytes).toBe(200_000);
  });

  it('that was asked before a reload and answers after it leaves the connection to the new config', async () => {
    const [before, after] = await Promise.all([echoOrigin('before'), echoOrigin('after')]);
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: thinking, resolve: decide } = Promise.withResolvers<void>();
    const gate = gatekeeper(() => {
      ask();
      return thinking;
    });
    const { balancer, port } = await start(tcpTo([before.url], { plugins: [gate] }));
    const client = await Peer.connect(port);
    await asked;
    await balancer.reload(tcpTo([after.url]));
    decide();
    await client.untilBytes(1);
    expect(client.text).toBe('after');
    expect(before.connections).toBe(0);
  });

  it('that answers after the connection was cut opens nothing', async () => {
    const recorder = new Recorder();
    const origin = await echoOrigin();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: thinking, resolve: decide } = Promise.withResolvers<void>();
    const gate = gatekeeper(() => {
      ask();
      return thinking;
    });
    const { balancer, port } = await start(tcpTo([origin.url], { plugins: [gate, recorder.plugin] }));
    const client = await Peer.connect(port);
    await asked;
    const stopping = balancer.stop({ drainLimitMs: 0 });
    await client.closed();
    decide();
    await stopping;
    expect(origin.connections).toBe(0);
    expect(recorder.attempts).toEqual([]);
  });
});

describe('stop', () => {
  it('cuts what is open at the drain limit, and not before', async () => {
    const recorder = new Recorder();
    const origin = await echoOrigin();
    const { balancer, port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    client.send('a');
    await client.until('a');
    const stopping = balancer.stop({ drainLimitMs: 150 });
    client.send('b');
    await client.until('ab');
    await expect(Peer.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await client.closed()).toBe('ECONNRESET');
    expect(await (await origin.next()).closed()).toBe('ECONNRESET');
    await stopping;
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_DRAIN_LIMIT' });
    expect(recorder.fates).toEqual(['aborted by balancer']);
  });

  it('waits no longer than for the last connection', async () => {
    const origin = await echoOrigin();
    const { balancer, port } = await start(tcpTo([origin.url]));
    const client = await Peer.connect(port);
    client.send('a');
    await client.until('a');
    const stopping = balancer.stop({ drainLimitMs: 60_000 });
    client.end();
    await stopping;
    expect(client.text).toBe('a');
    expect(await client.closed()).toBe('');
  });

  it('cuts a connection whose backend is still being connected to', async () => {
    const recorder = new Recorder();
    const origin = await deafOrigin();
    const { balancer, port } = await start(tcpTo([origin.url], { plugins: [recorder.plugin] }));
    const client = await Peer.connect(port);
    while (balancer.ledger().inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
    await balancer.stop({ drainLimitMs: 0 });
    expect(await client.closed()).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ abortedBy: 'balancer', code: 'ERR_DRAIN_LIMIT' });
    expect(recorder.fates).toEqual(['aborted by balancer']);
  });
});

describe('a reload', () => {
  it('keeps open connections on their backend, and gives new ones to the new config', async () => {
    const [before, after] = await Promise.all([echoOrigin('before'), echoOrigin('after')]);
    const { balancer, port } = await start(tcpTo([before.url]));
    const old = await Peer.connect(port);
    await old.until('before');
    await balancer.reload(tcpTo([after.url]));
    const fresh = await Peer.connect(port);
    await fresh.until('after');
    old.send('!');
    await old.until('before!');
    old.end();
    expect(await old.closed()).toBe('');
  });

  it('cuts them at the drain limit of the config that they began under', async () => {
    const recorder = new Recorder();
    const origin = await echoOrigin('hi');
    const config = { ...tcpTo([origin.url], { plugins: [recorder.plugin] }), drainLimitMs: 100 };
    const { balancer, port } = await start(config);
    const client = await Peer.connect(port);
    await client.until('hi');
    await balancer.reload(tcpTo([origin.url]));
    expect(await client.closed()).toBe('ECONNRESET');
    expect(await recorder.result()).toMatchObject({ code: 'ERR_DRAIN_LIMIT' });
  });
});

describe('500 connections that end in every way', () => {
  it('have one outcome and one result each, and leave nothing open', async () => {
    const recorder = new Recorder();
    // The backend greets; by the first byte that comes, it does as it is told.
    const origin = await tcpOrigin((peer) => {
      peer.send('!');
      peer.socket.on('end', () => peer.end());
      peer.socket.once('data', (chunk: Buffer) => {
        const order = String.fromCharCode(chunk[0]!);
        if (order === 'R') peer.reset();
        if (order === 'F') peer.end();
        if (order === 'E') peer.send(chunk);
        if (order === 'D') peer.socket.destroy();
        if (order === 'B') peer.send(Buffer.alloc(MIB));
      });
    });
    const dead = `tcp://127.0.0.1:${await deadPort()}`;
    let admitted = 0;
    const counter = definePlugin<{}>({ name: 'counter', options: {}, setup: (_options, host) => host.hooks.onConnect.tap(() => void admitted++) })();
    const { balancer, port } = await start(tcpTo([origin.url, dead], { plugins: [recorder.plugin, counter] }));
    const below = numbers(7);
    const one = async (): Promise<void> => {
      if (below(10) === 0) {
        // Gone before it can be served: reset right behind the handshake.
        const socket = connect(port, '127.0.0.1', () => socket.resetAndDestroy()).on('error', () => {});
        await new Promise((resolve) => socket.once('close', resolve));
        return;
      }
      const client = await Peer.connect(port, false);
      await client.untilBytes(1);
      const order = 'RFEDB-'[below(6)]!;
      client.send(order);
      const end = below(4);
      if (end === 0) client.reset();
      if (end === 1) client.socket.destroy();
      if (end === 2) {
        // It waits for what was ordered. A reset may be all that comes.
        if (order === 'E' || order === 'B') await client.untilBytes(2);
        else if (order !== '-') await client.ended().catch(() => {});
      }
      if (end >= 2) client.end();
      await client.closed();
    };
    for (let wave = 0; wave < 10; wave++) await Promise.all(Array.from({ length: 50 }, one));
    await balancer.stop({ drainLimitMs: 5_000 }); // the last ones are on their way out
    const { leasesOpened, leasesClosed } = balancer.ledger();
    expect(leasesClosed).toBe(leasesOpened);
    expect(recorder.attempts).toHaveLength(leasesOpened);
    expect(new Set(recorder.results.map(({ exchange }) => exchange)).size).toBe(recorder.results.length);
    // Some are reset before they are accepted; every other one is an exchange.
    expect(recorder.results).toHaveLength(admitted);
    const attempts = recorder.results.reduce((sum, { result }) => sum + result.attempts, 0);
    expect(attempts).toBe(leasesOpened);
    expect([...new Set(recorder.fates)].sort()).toEqual(['aborted by client', 'answered', 'failed in body: ERR_UPSTREAM_CLOSED', 'failed in connect: ERR_UPSTREAM_CONNECT']);
  });
});

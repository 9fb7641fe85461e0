/** Who gets in: what is above a limit waits in the system's queue, or is refused at once, and nothing is lost. */
import net from 'node:net';
import { createBalancer } from '@steelyard/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RawClient } from '../e2e/support/client.ts';
import { httpOrigin, namedOrigin } from '../e2e/support/origin.ts';
import { echoOrigin, Peer } from '../e2e/support/peer.ts';
import { plugin } from '../e2e/support/recorder.ts';
import { expectMet, startLimited, until } from './support.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A connection from another address of this machine. */
function from(localAddress: string, port: number, host = '127.0.0.1'): Peer {
  return new Peer(net.connect({ port, host, localAddress, allowHalfOpen: true }));
}

/** Answered on a connection that stays open. */
async function served(peer: Peer): Promise<void> {
  const before = peer.text.length;
  peer.socket.write(GET);
  await until(() => peer.text.length > before);
  expect(peer.text.slice(before)).toMatch(/^HTTP\/1\.1 200 /);
}

describe('connections of a listener', () => {
  it('above the limit wait, and are served in their order when there is room', async () => {
    const limited = await startLimited({ limits: { maxConnections: 2 } }, (await namedOrigin('here')).url);
    const [a, b, c, d] = Array.from({ length: 4 }, () => Peer.open(limited.port)) as [Peer, Peer, Peer, Peer];
    await served(a);
    await expectMet(limited, { connections: 1 });
    await served(b);
    c.socket.write(GET);
    d.socket.write(GET);
    // As long as those that are in are served, nobody else is.
    for (let turn = 0; turn < 10; turn++) await Promise.all([served(a), served(b)]);
    expect([c.text, d.text, limited.balancer.ledger().clientConnections]).toEqual(['', '', 2]);
    b.socket.end();
    await until(() => c.text.includes('here'));
    expect(d.text).toBe('');
    a.socket.end();
    await until(() => d.text.includes('here'));
    expect(limited.balancer.ledger().clientConnections).toBe(2);
    expect(await limited.hits('connections')).toBe(3);
    expect([a, b, c, d].map(({ errorCode }) => errorCode)).toEqual(['', '', '', '']);
  });

  it('of tcp are limited as well', async () => {
    const echo = await echoOrigin();
    const limited = await startLimited({}, (await namedOrigin('x')).url, {
      listeners: [{ name: 'raw', protocol: 'tcp', port: 0, host: '127.0.0.1', pool: 'raw', limits: { maxConnections: 1 } }],
      pools: { web: { backends: [] }, raw: { protocol: 'tcp', backends: [echo.url] } }, routes: [],
    });
    const [a, b] = [Peer.open(limited.port), Peer.open(limited.port)];
    a.socket.write('one');
    b.socket.write('two');
    await until(() => a.text === 'one');
    expect(b.text).toBe('');
    a.socket.end();
    await until(() => b.text === 'two');
    expect(await limited.hits('connections', 'raw')).toBe(2);
  });

  it('count as before after a reload that raises the limit, and those who waited get in', async () => {
    const { url } = await namedOrigin('here');
    const config = (maxConnections: number) => ({
      listeners: [{ name: 'web', port, host: '127.0.0.1', limits: { maxConnections } }], pools: { web: { backends: [url] } }, routes: [{ pool: 'web' }], log: { level: 'silent' as const },
    });
    let port = 0;
    const balancer = createBalancer(config(1));
    await balancer.start();
    onTestFinished(() => balancer.stop({ drainLimitMs: 100 }));
    ({ port } = balancer.address());
    const [a, b, c] = Array.from({ length: 3 }, () => Peer.open(port)) as [Peer, Peer, Peer];
    await served(a);
    b.socket.write(GET);
    c.socket.write(GET);
    port = 0; // as it was given
    await balancer.reload(config(2));
    await until(() => b.text.includes('here'));
    await served(a);
    expect([c.text, balancer.ledger().clientConnections]).toEqual(['', 2]);
    b.socket.end();
    await until(() => c.text.includes('here'));
  });
});

describe('connections in all', () => {
  it('are counted over all listeners', async () => {
    const { url } = await namedOrigin('here');
    const limited = await startLimited({}, url, {
      maxConnections: 2, listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }, { name: 'other', port: 0, host: '127.0.0.1' }],
    });
    const other = limited.balancer.address('other').port;
    const [a, b] = [Peer.open(limited.port), Peer.open(other)];
    await served(a);
    await served(b);
    const [c, d] = [Peer.open(limited.port), Peer.open(other)];
    c.socket.write(GET);
    d.socket.write(GET);
    for (let turn = 0; turn < 5; turn++) await Promise.all([served(a), served(b)]);
    expect([c.text, d.text, limited.balancer.ledger().clientConnections]).toEqual(['', '', 2]);
    expect(await limited.hits('total_connections', 'web') + await limited.hits('total_connections', 'other')).toBeGreaterThan(0);
    a.socket.end();
    b.socket.end();
    await until(() => c.text.includes('here') && d.text.includes('here'));
  });
});

describe('connections of one address', () => {
  it('above the limit are reset at once, and others are not touched', async () => {
    const limited = await startLimited({ limits: { maxConnectionsPerAddress: 2 } }, (await namedOrigin('here')).url);
    const [a, b] = [from('127.0.0.2', limited.port), from('127.0.0.2', limited.port)];
    await served(a);
    await served(b);
    await expectMet(limited, {});
    const refused = from('127.0.0.2', limited.port);
    expect(await refused.closed()).toBe('ECONNRESET');
    await expectMet(limited, { address_connections: 1 });
    for (const address of ['127.0.0.3', '127.0.0.4', '127.0.0.1']) await served(from(address, limited.port));
    a.socket.end();
    await a.closed();
    await served(from('127.0.0.2', limited.port));
    await expectMet(limited, { address_connections: 1 });
  });

  it('are counted apart for each listener, and not for a trusted proxy', async () => {
    const { url } = await namedOrigin('here');
    const limits = { maxConnectionsPerAddress: 1 };
    const limited = await startLimited({}, url, {
      listeners: [{ name: 'web', port: 0, host: '127.0.0.1', limits, trustedProxies: ['127.0.0.9'] }, { name: 'other', port: 0, host: '::1', limits }],
    });
    await served(from('127.0.0.2', limited.port));
    await served(from('::1', limited.balancer.address('other').port, '::1'));
    expect(await from('::1', limited.balancer.address('other').port, '::1').closed()).toBe('ECONNRESET');
    for (let count = 0; count < 5; count++) await served(from('127.0.0.9', limited.port));
    expect([await limited.hits('address_connections', 'web'), await limited.hits('address_connections', 'other')]).toEqual([0, 1]);
  });
});

describe('new connections', () => {
  it('above the rate wait their turn, and come at the rate', async () => {
    const limited = await startLimited({ limits: { maxNewConnectionsPerSecond: 20 } }, (await namedOrigin('here')).url);
    const startedAt = performance.now();
    const peers = Array.from({ length: 30 }, () => Peer.open(limited.port));
    for (const peer of peers) peer.socket.write(GET);
    await until(() => peers.filter(({ text }) => text.includes('here')).length >= 20);
    expect(await limited.hits('new_connections')).toBeGreaterThan(0);
    await until(() => peers.every(({ text }) => text.includes('here')));
    // Twenty at once, ten more at twenty a second.
    expect(performance.now() - startedAt).toBeGreaterThan(450);
    expect(peers.every(({ errorCode }) => errorCode === '')).toBe(true);
  });
});

it('while the event loop is late nothing is accepted, and then everything', async () => {
  const limited = await startLimited({}, (await namedOrigin('here')).url, { maxLoopDelayMs: 60 });
  const open = await RawClient.connect(limited.port);
  await open.send(GET).until('here');
  const late = Peer.open(limited.port);
  late.socket.write(GET);
  const { promise: looked, resolve } = Promise.withResolvers<number>();
  setImmediate(() => {
    const until = performance.now() + 300;
    while (performance.now() < until);
    // The second one comes behind the timers and the sockets of the next turn.
    setImmediate(() => setImmediate(() => resolve(limited.balancer.ledger().clientConnections)));
  });
  await looked;
  expect(await limited.hits('loop_delay')).toBe(1);
  await until(() => late.text.includes('here'));
  await served(Peer.open(limited.port));
  await expectMet(limited, { loop_delay: 1 });
});

it('a listener that is paused keeps its process alive, and one that is closed does not', async () => {
  const limited = await startLimited({ limits: { maxConnections: 1 } }, (await namedOrigin('here')).url);
  const [a, b] = [Peer.open(limited.port), Peer.open(limited.port)];
  await served(a);
  await expectMet(limited, { connections: 1 });
  expect(process.getActiveResourcesInfo()).toContain('Timeout');
  await limited.balancer.stop({ drainLimitMs: 0 });
  // What waited in the queue of the system is told by the close.
  await b.closed();
});

describe('a client that resets before its turn', () => {
  it('is not served what it sent: nobody can tell any more whose it was', async () => {
    const targets: string[] = [];
    const { url } = await httpOrigin((request, response) => {
      targets.push(request.url!);
      response.end('here');
    });
    const addresses: string[] = [];
    const gate = plugin('gate', ({ hooks }) => hooks.onConnect.tap((connection) => void addresses.push(connection.remoteAddress)));
    const limited = await startLimited({ limits: { maxConnections: 1 } }, url, { plugins: [gate] });
    const first = Peer.open(limited.port);
    await served(first);
    // While the first one is in, the others wait in the queue of the system, with what they have sent.
    const nobody = await Peer.connect(limited.port);
    await new Promise((resolve) => nobody.socket.write('GET /nobody HTTP/1.1\r\nHost: a\r\n\r\n', resolve));
    nobody.reset();
    first.socket.end();
    await served(Peer.open(limited.port));
    expect([targets, addresses]).toEqual([['/', '/'], ['127.0.0.1', '127.0.0.1']]);
  });
});

/** A response that is cut does not end with a FIN: to HTTP/1.0 that would say it is whole. */
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { Peer } from './support/peer.ts';
import { rawOrigin } from './support/origin.ts';

const begun = () => rawOrigin((socket) => socket.once('data', () => void socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')));

describe('a response cut short is no whole one to HTTP/1.0', () => {
  it('when the drain limit is over', async () => {
    const { url } = await begun();
    const { balancer, port } = await start(proxyTo(url));
    const peer = await Peer.connect(port);
    peer.send('GET / HTTP/1.0\r\n\r\n');
    await peer.untilBytes(42);
    await balancer.stop({ drainLimitMs: 20 });
    expect([await Promise.race([peer.closed(), peer.ended().then(() => 'FIN')]), peer.text.slice(-4)]).toEqual(['ECONNRESET', 'half']); // is: FIN
  });
});

describe('a reset right behind bytes', () => {
  it.each(['1.0', '1.1'])('is not the end of a response without a length, to HTTP/%s', async (version) => {
    const { url } = await rawOrigin((socket) => socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf');
      socket.resetAndDestroy();
    }));
    const { port } = await start(proxyTo(url));
    const peer = await Peer.connect(port);
    peer.send(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
    expect([await Promise.race([peer.closed(), peer.ended().then(() => 'FIN')]), peer.text.endsWith('0\r\n\r\n')]).toEqual(['ECONNRESET', false]);
  });

  it.each(['the client', 'the backend'])('goes through a tunnel as a reset, from %s', async (who) => {
    const met = Promise.withResolvers<Peer>();
    const { url } = await rawOrigin((socket) => met.resolve(new Peer(socket)), 'tcp');
    const { port } = await start({ listeners: [{ port: 0, host: '127.0.0.1', protocol: 'tcp', pool: 'tcp' }], pools: { tcp: { protocol: 'tcp', backends: [url] } } });
    const client = await Peer.connect(port);
    client.send('ping');
    const backend = await met.promise;
    await backend.until('ping');
    backend.send('pong');
    await client.until('pong');
    const [from, to] = who === 'the client' ? [client, backend] : [backend, client];
    from.send('half').reset();
    expect(await Promise.race([to.closed(), to.ended().then(() => 'FIN')])).toBe('ECONNRESET');
  });
});

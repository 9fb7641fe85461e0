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

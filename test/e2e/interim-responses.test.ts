/** Interim responses wait for the client, and give it no time without end. */
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { rawOrigin } from './support/origin.ts';

describe('interim responses', () => {
  it('do not keep an exchange alive for ever', async () => {
    const { url } = await rawOrigin((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const { port } = await start({
      ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', timeouts: { bodyMs: 200 } }], pools: { web: { backends: [url], timeouts: { responseMs: 200, bodyMs: 200 } } },
    });
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
    const late = new Promise<string>((resolve) => setTimeout(() => resolve('still open after 1.5 s'), 1_500));
    expect(await Promise.race([client.closed(), late])).not.toBe('still open after 1.5 s');
  });

  it('wait when the client does not read', async () => {
    let taken = 0;
    const { url } = await rawOrigin((socket) => {
      const hints = Buffer.from(`HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(30_000)}\r\n\r\n`);
      const go = (): void => { while (!socket.destroyed && taken < 100_000_000) { taken += hints.length; if (!socket.write(hints)) return void socket.once('drain', go); } };
      socket.once('data', go);
    });
    const { port } = await start({ ...proxyTo(url), pools: { web: { backends: [url], timeouts: { responseMs: 1_500 } } } });
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(taken).toBeLessThan(20_000_000); // kernel buffers; is: everything the backend has, kept in memory
  });
});

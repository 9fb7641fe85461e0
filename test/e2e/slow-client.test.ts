/** A slow client must not make the balancer blame, and eject, a healthy backend. */
import { describe, expect, it } from 'vitest';
import { definePlugin, type Outcome } from '@steelyard/sdk';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { rawOrigin } from './support/origin.ts';

function witness() {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let exchange: { upstream?: { socket: { isClogged: boolean } } } | undefined;
  const plugin = definePlugin<{}>({
    name: 'witness', options: {},
    setup(_o, host) {
      host.hooks.onRequest.tap((seen) => void (exchange = seen as unknown as typeof exchange));
      host.hooks.onAttempt.tap((_exchange, _backend, outcome) => resolve(outcome));
    },
  });
  return { plugin: plugin(), outcome: promise, isClogged: () => exchange?.upstream?.socket.isClogged === true };
}
const LIMITS = { backend: { responseMs: 400, bodyMs: 400 }, client: { bodyMs: 1_000, writeMs: 1_000 } };
const config = (url: string, plugin: ReturnType<typeof witness>['plugin']) => ({
  ...proxyTo(url), plugins: [plugin], listeners: [{ port: 0, host: '127.0.0.1', timeouts: LIMITS.client }], pools: { web: { backends: [url], timeouts: LIMITS.backend } },
});
const byClient = { kind: 'aborted', by: 'client' };

describe('a backend is not at fault', () => {
  it('when the client stops in its upload after the backend was slow for a moment', async () => {
    let resume = (): void => {};
    const { url } = await rawOrigin((socket) => {
      socket.pause();
      resume = () => void socket.on('data', () => {}).resume();
    });
    const seen = witness();
    const { port } = await start(config(url, seen.plugin));
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n');
    while (!seen.isClogged()) {
      client.socket.write(Buffer.alloc(65_536));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
    resume(); // takes everything at once; from now on only the client is slow
    expect(await seen.outcome).toMatchObject(byClient); // is: failed, send, ERR_UPSTREAM_TIMEOUT
  });

  it('when the client ends its upload and does not read the response', async () => {
    const { url } = await rawOrigin((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n');
        socket.write(Buffer.alloc(60_000_000));
      });
    });
    const seen = witness();
    const { port } = await start(config(url, seen.plugin));
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell');
    await new Promise((resolve) => setTimeout(resolve, 200)); // the response has filled the buffers
    client.send('o');
    expect(await seen.outcome).toMatchObject(byClient); // is: failed, body, ERR_UPSTREAM_TIMEOUT
  });

  it('when the client sends on and does not read an echo', async () => {
    const { url } = await rawOrigin((socket) => {
      let isFirst = true;
      socket.on('data', (bytes) => {
        if (isFirst) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n');
        isFirst = false;
        if (!socket.write(bytes)) socket.pause();
      });
      socket.on('drain', () => socket.resume());
    });
    const seen = witness();
    const { port } = await start(config(url, seen.plugin));
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n');
    client.socket.write(Buffer.alloc(50_000_000));
    expect(await seen.outcome).toMatchObject(byClient); // is: failed, body, ERR_UPSTREAM_TIMEOUT
  });
});

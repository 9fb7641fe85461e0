/** A backend whose response head never ends: what is held of it is bounded, however small its reads. */
import { expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { rawOrigin } from './support/origin.ts';

/** Half as much again as a response head may have. */
const SENT_BYTES = 98_304;
const READ_BYTES = 1_024;

it('a response head that comes in small reads without end is a 502 as soon as it is over its limit', async () => {
  let hasSentAll = false;
  const { url } = await rawOrigin((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      let sent = 0;
      // One write a turn of the loop, so that the balancer reads each by itself.
      const next = (): void => {
        if (socket.destroyed) return;
        sent += READ_BYTES;
        if (sent > SENT_BYTES) hasSentAll = true;
        else socket.write('x'.repeat(READ_BYTES), () => setImmediate(next));
      };
      socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(READ_BYTES)}`, () => setImmediate(next));
    });
  });
  const { port } = await start({ ...proxyTo(url) });
  const client = (await RawClient.connect(port)).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until('\r\n\r\n');
  expect(client.received).toMatch(/^HTTP\/1\.1 502 /);
  expect(hasSentAll).toBe(false);
});

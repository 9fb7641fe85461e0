/** A burst of large heads leaves no memory behind: exchange objects that are used again give large buffers up. */
import type net from 'node:net';
import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { rawOrigin } from './support/origin.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

it('a burst of large heads leaves no memory behind', async () => {
  const waiting: net.Socket[] = [];
  const { url } = await rawOrigin((socket) => {
    let tail = '';
    socket.on('data', (bytes) => {
      tail = (tail + bytes.toString('latin1')).slice(-4);
      if (tail === '\r\n\r\n') waiting.push(socket);
    });
  });
  const { port } = await start(proxyTo(url));
  collect();
  const before = process.memoryUsage().arrayBuffers;
  const clients: RawClient[] = [];
  for (let i = 0; i < 300; i++) clients.push((await RawClient.connect(port)).send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(15_500)}\r\nY: ${'a'.repeat(15_500)}\r\n\r\n`));
  while (waiting.length < 300) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const socket of waiting) socket.write(`HTTP/1.1 200 OK\r\nX: ${'b'.repeat(60_000)}\r\nContent-Length: 0\r\n\r\n`);
  for (const client of clients) {
    await client.until('\r\n\r\n');
    client.received = '';
    client.socket.destroy();
  }
  waiting.length = 0;
  collect();
  await new Promise((resolve) => setTimeout(resolve, 100));
  collect();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000); // is: about 36 MB, 120 KB for each exchange at the peak, for good
});

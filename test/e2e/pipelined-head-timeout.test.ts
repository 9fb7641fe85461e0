/** Behind a head that came in pieces the next incomplete one has `headMs`, not `idleMs`. */
import { expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { namedOrigin } from './support/origin.ts';

it('a pipelined head that is not completed gets its 408 after headMs, whatever came before it', async () => {
  const { url } = await namedOrigin('x');
  const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/only' }, pool: 'web' }], listeners: [{ port: 0, host: '127.0.0.1', timeouts: { headMs: 100, idleMs: 60_000 } }] });
  const client = await RawClient.connect(port);
  client.send('GET / HTTP/1.1\r\nHo');
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.send('st: a\r\n\r\nGET / HTTP/1.1\r\nHo'); // 404 at once, then the beginning of the next
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('no 408 within 1 s'), 1_000));
  expect(await Promise.race([client.until('HTTP/1.1 408 '), late])).toContain('HTTP/1.1 408 ');
});

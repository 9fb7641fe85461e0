/** No response splitting through a plugin's answer. */
import { expect, it } from 'vitest';
import { definePlugin } from '@steelyard/sdk';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { namedOrigin } from './support/origin.ts';

it('a plugin that answers with a header above U+00FF injects no line', async () => {
  const redirect = definePlugin<{}>({
    name: 'redirect', options: {},
    setup: (_o, host) => host.hooks.onRequest.tap(({ request }) => ({ respond: { status: 302, headers: { location: decodeURIComponent(request.path) } } })),
  });
  const { url } = await namedOrigin('x');
  const { port } = await start({ ...proxyTo(url), plugins: [redirect()] });
  const client = await RawClient.connect(port);
  // U+010D U+010A: fine as UTF-8, CR LF once cut down to Latin-1
  client.send('GET /%C4%8D%C4%8ASet-Cookie:%20admin=1 HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await client.until('\r\n\r\n')).not.toContain('\r\nSet-Cookie: admin=1');
});

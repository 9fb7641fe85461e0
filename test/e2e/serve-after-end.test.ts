/** A handler of host.serve that writes behind its end must not end the process. */
import { expect, it, onTestFinished } from 'vitest';
import { definePlugin } from '@steelyard/sdk';
import { proxyTo, start } from './support/balancer.ts';
import { namedOrigin } from './support/origin.ts';

it('a handler of host.serve that writes behind its end harms nobody else', async () => {
  let port = 0;
  const page = definePlugin<{}>({
    name: 'page', options: {}, runs: 'main',
    async setup(_o, host) {
      ({ port } = await host.serve({ port: 0 }, (_request, response) => {
        response.end('done');
        response.write('more');
      }));
    },
  });
  const { url } = await namedOrigin('x');
  await start({ ...proxyTo(url), plugins: [page()] });
  const deaths: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => deaths.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('done');
  await new Promise((resolve) => setImmediate(resolve));
  expect(deaths).toEqual([]); // is: ERR_STREAM_WRITE_AFTER_END
});

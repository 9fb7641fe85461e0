/** What a plugin throws must never decide for the balancer. */
import { describe, expect, it } from 'vitest';
import { definePlugin } from '@steelyard/sdk';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { namedOrigin } from './support/origin.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const loop = (): Error => {
  const error = new Error('x');
  error.cause = error;
  return error;
};
const THROWN: [string, () => unknown][] = [
  ['an error that is its own cause', loop],
  ['an object without a prototype', () => Object.create(null)],
  ['an object whose toString throws', () => ({ toString() { throw new Error('t'); } })],
  ['an error whose message throws', () => Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('m'); } })],
];
const silence = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('nothing within 1 s'), 1_000));

describe.each(THROWN)('a tap that throws %s', (_name, thrown) => {
  it('fails closed in onRequest', async () => {
    const guard = definePlugin<{}>({ name: 'guard', options: {}, setup: (_o, host) => host.hooks.onRequest.tap(() => { throw thrown(); }) });
    const { url } = await namedOrigin('secret');
    const { port } = await start({ ...proxyTo(url), plugins: [guard()] });
    const client = await RawClient.connect(port);
    expect(await client.send(GET).until('\r\n\r\n')).toMatch(/^HTTP\/1.1 503 /); // is: 200, and the backend's body
  });
  it('fails closed in an asynchronous onRequest', async () => {
    const guard = definePlugin<{}>({ name: 'guard', options: {}, setup: (_o, host) => host.hooks.onRequest.tapPromise(async () => { throw thrown(); }) });
    const { url } = await namedOrigin('secret');
    const { port } = await start({ ...proxyTo(url), plugins: [guard()] });
    const client = await RawClient.connect(port);
    expect(await Promise.race([client.send(GET).until('\r\n\r\n'), silence()])).toMatch(/^HTTP\/1.1 503 /); // is: an unhandled rejection = the process dies
  });
  it('costs onResponseHead nothing but its edits', async () => {
    const spoiler = definePlugin<{}>({ name: 'spoiler', options: {}, setup: (_o, host) => host.hooks.onResponseHead.tap(() => { throw thrown(); }) });
    const { url } = await namedOrigin('x');
    const { port } = await start({ ...proxyTo(url), plugins: [spoiler()] });
    const client = await RawClient.connect(port);
    expect(await Promise.race([client.send(GET).until('\r\n\r\n').catch(String), silence()])).toMatch(/^HTTP\/1.1 200 /); // is: an uncaught exception = the process dies
  });
});

import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Backend, Host, ProbeResponse } from '@steelyard/sdk';
import { probe } from '../../core/src/health/probe.ts';
import httpCheck, { type HttpCheckOptions } from '../../plugins/http-check/index.ts';
import { created, defaultsOf, probeHost } from './check-host.ts';

const backend = { address: '10.0.0.1:80' } as Backend;

/** What the check says of this answer: '' = good. */
async function verdict(options: HttpCheckOptions, response: Partial<ProbeResponse>): Promise<string> {
  const { host } = probeHost(() => ({ status: 200, headers: {}, body: '', ...response }));
  const check = created(httpCheck(options), host);
  return await check.probe!(backend, new AbortController().signal).then(() => '', (error: Error) => error.message);
}

describe('http-check', () => {
  it('asks for the path by the method, with the headers, and with another Host where one is given', async () => {
    const { host, probes } = probeHost(() => ({ status: 200, headers: {}, body: '' }));
    const { signal } = new AbortController();
    await created(httpCheck(), host).probe!(backend, signal);
    await created(httpCheck({ path: '/h?x', method: 'HEAD', host: 'api.example.org', headers: { HOST: 'no', 'x-key': 'k' } }), host).probe!(backend, signal);
    expect(probes).toEqual([
      { backend, request: { method: 'GET', path: '/', headers: {} }, signal },
      { backend, request: { method: 'HEAD', path: '/h?x', headers: { 'x-key': 'k', host: 'api.example.org' } }, signal },
    ]);
  });

  it.each<[HttpCheckOptions['expectStatus'], number, string]>([
    [undefined, 200, ''],
    [undefined, 399, ''],
    [undefined, 400, 'GET / answered 400, expected 200-399'],
    [undefined, 199, 'GET / answered 199, expected 200-399'],
    [204, 204, ''],
    [204, 200, 'GET / answered 200, expected 204'],
    ['204', 204, ''],
    [[200, '300-304'], 304, ''],
    [[200, '300-304'], 201, 'GET / answered 201, expected 200, 300-304'],
  ])('takes the statuses of expectStatus: %j and %d', async (expectStatus, status, expected) => {
    expect(await verdict(expectStatus === undefined ? {} : { expectStatus }, { status })).toBe(expected);
  });

  it.each<[HttpCheckOptions['expectBody'], string]>([
    ['ok', ''],
    ['"up"', String.raw`GET /healthz answered 200 without "\"up\"" in its body`],
    [(body) => body === 'all ok', ''],
    [(body) => body === 'no', 'GET /healthz answered 200 with a body that expectBody refuses'],
    [() => { throw new Error('no JSON'); }, 'no JSON'],
    [async (body) => body === 'all ok', ''],
    [async (body) => body === 'no', 'GET /healthz answered 200 with a body that expectBody refuses'],
    [() => Promise.reject(new Error('no JSON')), 'no JSON'],
  ])('holds the body against expectBody: case %#', async (expectBody, expected) => {
    expect(await verdict({ path: '/healthz', expectBody: expectBody ?? null }, { body: 'all ok' })).toBe(expected);
  });

  it.each<[Record<string, string | boolean>, string]>([
    [{ 'X-Ready': 'yes', 'x-version': true, 'x-draining': false }, ''],
    [{ 'x-ready': 'no' }, 'GET / answered 200 with x-ready: yes, expected no'],
    [{ 'x-ready': false }, 'GET / answered 200 with the header x-ready, expected none'],
    [{ 'x-other': true }, 'GET / answered 200 without the header x-other'],
    [{ 'x-other': 'yes' }, 'GET / answered 200 without the header x-other'],
  ])('holds the headers against expectHeaders: %j', async (expectHeaders, expected) => {
    expect(await verdict({ expectHeaders }, { headers: { 'x-ready': 'yes', 'x-version': '7' } })).toBe(expected);
  });

  it('wants every expectation to hold', async () => {
    const options: HttpCheckOptions = { expectStatus: 200, expectBody: 'ok', expectHeaders: { a: '1' } };
    expect(await verdict(options, { headers: { a: '1' }, body: 'ok' })).toBe('');
    expect(await verdict(options, { headers: { a: '1' }, body: 'no' })).not.toBe('');
    expect(await verdict(options, { headers: { a: '2' }, body: 'ok' })).not.toBe('');
    expect(await verdict(options, { status: 201, headers: { a: '1' }, body: 'ok' })).not.toBe('');
  });

  it.each<[HttpCheckOptions, RegExp]>([
    [{ expectStatus: '399-200' }, /^http-check: expectStatus "399-200" holds no status$/],
    [{ expectStatus: [200, 'ok'] }, /^http-check: expectStatus "ok" holds no status$/],
    [{ method: 'HEAD', expectBody: 'ok' }, /whose answer has no body$/],
  ])('refuses options that cannot be meant: %j', (options, message) => {
    const { host } = probeHost(() => undefined);
    expect(() => created(httpCheck(options), host)).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_OPTIONS', message: expect.stringMatching(message) as string }));
  });

  it('has the documented defaults, and runs on the schedule of its options', () => {
    expect(defaultsOf(httpCheck)).toEqual({
      path: '/', method: 'GET', host: null, headers: {}, expectStatus: '200-399', expectBody: null, expectHeaders: {},
      intervalMs: 2000, jitter: 0.1, timeoutMs: 1000, rise: 2, fall: 3,
    } satisfies HttpCheckOptions);
    const { host } = probeHost(() => undefined);
    expect(created(httpCheck({ intervalMs: 500, rise: 1 }), host).schedule).toMatchObject({ intervalMs: 500, jitter: 0.1, timeoutMs: 1000, rise: 1, fall: 3 });
  });

  it('works over a real socket, by the probe of core', async () => {
    let isReady = true;
    const server = createServer((request, response) => {
      response.writeHead(isReady ? 200 : 503, { 'x-path': request.url ?? '' }).end('{"ready":true}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const real = { host: '127.0.0.1', port, address: `127.0.0.1:${port}` } as Backend;
    const check = created(httpCheck({ path: '/healthz', expectBody: '"ready":true', expectHeaders: { 'x-path': '/healthz' } }), { probe } as unknown as Host);
    const { signal } = new AbortController();
    await check.probe!(real, signal);
    isReady = false;
    await expect(check.probe!(real, signal)).rejects.toMatchObject({ code: 'ERR_PROBE', message: 'GET /healthz answered 503, expected 200-399' });
    server.close();
    await once(server, 'close');
    await expect(check.probe!(real, signal)).rejects.toMatchObject({ code: 'ERR_PROBE', message: `GET http://127.0.0.1:${port}/healthz: connection refused` });
  });
});

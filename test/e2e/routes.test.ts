/** Which way a request takes on real sockets, what the backend sees of it, and that no spelling of a path goes around a plugin. */
import type { Config, RouteConfig, RouteMatch, RouteRewrite } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient, sendRaw } from './support/client.ts';
import { httpOrigin, namedOrigin, scriptedOrigin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

interface Asked {
  host?: string;
  method?: string;
  headers?: string;
}
/** The body of the answer; a 404 is `none`. */
async function ask(port: number, target: string, { host = 'any.example', method = 'GET', headers = '' }: Asked = {}): Promise<string> {
  const received = await sendRaw(port, `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`);
  return received.startsWith('HTTP/1.1 404') ? 'none' : received.slice(received.indexOf('\r\n\r\n') + 4);
}
/** A pool for each route, which answers with its name. */
async function named(matches: Record<string, RouteMatch | undefined>): Promise<Config> {
  const pools = Object.fromEntries(await Promise.all(Object.keys(matches).map(async (name) => [name, { backends: [(await namedOrigin(name)).url] }] as const)));
  const routes: RouteConfig[] = Object.entries(matches).map(([pool, match]) => (match ? { pool, match } : { pool }));
  return { listeners: [{ port: 0, host: '127.0.0.1' }], pools, routes };
}

describe('a route', () => {
  it.each<[string, RouteMatch, string, Asked, boolean]>([
    ['host', { host: 'api.example' }, '/', { host: 'api.example' }, true],
    ['host with a port, in capitals', { host: 'api.example' }, '/', { host: 'API.Example:8080' }, true],
    ['host with the dot of a full name', { host: 'api.example' }, '/', { host: 'api.example.' }, true],
    ['another host', { host: 'api.example' }, '/', { host: 'xapi.example' }, false],
    ['one of several hosts', { host: ['a.example', 'b.example'] }, '/', { host: 'b.example' }, true],
    ['wildcard host', { host: '*.example' }, '/', { host: 'a.b.example' }, true],
    ['wildcard host, not the bare one', { host: '*.example' }, '/', { host: 'example' }, false],
    ['exact path', { path: '/health' }, '/health?x=1', {}, true],
    ['exact path, nothing below', { path: '/health' }, '/health/x', {}, false],
    ['folder', { path: '/api/*' }, '/api/x/y', {}, true],
    ['folder itself', { path: '/api/*' }, '/api', {}, true],
    ['folder, whole segments only', { path: '/api/*' }, '/apix', {}, false],
    ['named segment', { path: '/users/:id/posts' }, '/users/7/posts', {}, true],
    ['named segment, not empty', { path: '/users/:id/posts' }, '/users//posts', {}, false],
    ['RegExp', { path: /^\/v[12]\// }, '/v2/x', {}, true],
    ['RegExp that does not fit', { path: /^\/v[12]\// }, '/v3/x', {}, false],
    ['method', { method: 'POST' }, '/', { method: 'POST' }, true],
    ['another method', { method: ['POST', 'PUT'] }, '/', {}, false],
    ['header that is there', { header: { 'X-Beta': true } }, '/', { headers: 'x-beta: 0\r\n' }, true],
    ['header that is not there', { header: { 'X-Beta': false } }, '/', { headers: 'x-beta: 0\r\n' }, false],
    ['header with its value', { header: { 'X-Beta': 'on' } }, '/', { headers: 'X-BETA: on\r\n' }, true],
    ['header with another value', { header: { 'X-Beta': 'on' } }, '/', { headers: 'X-Beta: off\r\n' }, false],
    ['header by RegExp', { header: { Cookie: /beta=1/ } }, '/', { headers: 'Cookie: a=2; beta=1\r\n' }, true],
    ['all of it together', { host: 'a.example', path: '/x', method: 'GET', header: { y: true } }, '/x', { host: 'a.example', headers: 'Y: 1\r\n' }, true],
    ['all but one of it', { host: 'a.example', path: '/x', method: 'GET', header: { y: true } }, '/x', { host: 'a.example' }, false],
  ])('matches by %s', async (_name, match, target, asked, isMatch) => {
    const { port } = await start(await named({ it: match }));
    expect(await ask(port, target, asked)).toBe(isMatch ? 'it' : 'none');
  });

  it('that comes first wins, however general it is', async () => {
    const { port } = await start(await named({ special: { path: '/api/special' }, api: { path: '/api/*' }, rest: undefined, never: { path: '/api/never' } }));
    expect([await ask(port, '/api/special'), await ask(port, '/api/never'), await ask(port, '/x')]).toEqual(['special', 'api', 'rest']);
  });
});

describe('a rewrite', () => {
  it.each<[string, RouteRewrite, string, string]>([
    ['removes a prefix', { stripPrefix: '/api' }, '/api/x/y?q=1', '/x/y?q=1'],
    ['removes all there is', { stripPrefix: '/api' }, '/api', '/'],
    ['leaves no second slash in front', { stripPrefix: '/api' }, '/api//evil.example/x', '/evil.example/x'],
    ['adds a prefix', { addPrefix: '/v2' }, '/api/x', '/v2/api/x'],
    ['removes, then adds', { stripPrefix: '/api', addPrefix: '/v2' }, '/api/x', '/v2/x'],
    ['replaces the path and keeps the query', { path: '/fixed' }, '/api/x?q=1', '/fixed?q=1'],
  ])('%s', async (_name, rewrite, target, seen) => {
    let line = '';
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'], (head) => (line = head.split(' ')[1]!));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/api/*' }, pool: 'web', rewrite }] });
    await ask(port, target);
    expect(line).toBe(seen);
  });

  it('uses what stood behind the names of the match', async () => {
    let line = '';
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'], (head) => (line = head.split(' ')[1]!));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/users/:id/posts/:post' }, pool: 'web', rewrite: { path: '/posts/:post/of/:id' } }] });
    await ask(port, '/users/al%20ice/posts/7?q');
    expect(line).toBe('/posts/7/of/al%20ice?q');
  });

  it.each([[undefined, 'client.example'], ['inner.example:81', 'inner.example:81'], ['backend', 'BACKEND']])('host %s: the backend sees %s', async (host, expected) => {
    let head = '';
    const { url, port: own } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'], (request) => (head = request));
    const { port } = await start({ ...proxyTo(url), routes: [{ pool: 'web', ...(host && { rewrite: { host } }) }] });
    await ask(port, '/', { host: 'client.example' });
    expect(head.match(/^host: .*$/gim)).toEqual([`Host: ${expected === 'BACKEND' ? `127.0.0.1:${own}` : expected}`]);
    expect(head).toContain('X-Forwarded-Host: client.example\r\n');
  });
});

describe('a plugin on a route', () => {
  /** Nobody gets into /admin, everybody into the rest. */
  async function guarded(): Promise<Config> {
    const guard = plugin('guard', ({ hooks }) => hooks.onRequest.tap(() => ({ respond: { status: 401, body: 'stop' } })));
    const { url } = await namedOrigin('inside');
    return { ...proxyTo(url), routes: [{ match: { path: '/admin/*' }, pool: 'web', plugins: [guard] }, { pool: 'web' }] };
  }

  it.each([
    '/admin', '/admin/', '/admin/x', '/%61dmin/x', '/%61%64%6d%69%6e', '/./admin/x', '/x/../admin/x', '/x/%2e%2e/admin/x', '/x/.%2E/admin', '/%2e/admin/x',
    '/../admin/x', '/admin/../admin/x', '/admin?x=/../..', 'http://any.example/admin/x', '/x/y/../../admin/x', '/admin%3fx/../../admin',
  ])('is asked for %s', async (target) => {
    const { port } = await start(await guarded());
    expect(await ask(port, target)).toBe('stop');
  });

  it.each(['/administrator', '/x/admin', '/x?p=/admin/x', '/ADMIN/x', '/x%2Fy', '//x', '/x/;v=1/y', '/x\\y', '/admin%252Fx'])('is not asked for %s, which is another resource', async (target) => {
    const { port } = await start(await guarded());
    expect(await ask(port, target)).toBe('inside');
  });
});

describe('a path that backends read in two ways', () => {
  /** Some read it as one below /admin, others as one of the rest. */
  const twofold = [
    '/admin%2Fx', '/admin%2fx', '//admin/x', '/x/..%2Fadmin', '/x%2F..%2Fadmin', '/admin%5Cx', '/admin\\x', '/x/..\\admin/x', '/x/..%5c..%5cadmin', '/admin;v=1', '/admin;/x', '/;v=1/admin', '/x/..;/admin',
    '/x/..;a=b/admin/x', '///admin', '/%2Fadmin', '/%2e%2e%2Fadmin', '/x//../..//admin', '/admin/..%2Fx', '/admin/..;/x', 'http://any.example//admin',
  ];
  it.each(twofold)('is refused when it would take another route: %s', async (target) => {
    const seen: string[] = [];
    const { url } = await scriptedOrigin(['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'], (head) => seen.push(head));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/admin/*' }, pool: 'web', name: 'admin' }, { pool: 'web' }] });
    expect(await sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: any.example\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*Connection: close\r\n/);
    expect(seen).toEqual([]);
  });

  it.each(['/admin/a%2Fb', '/admin//x', '/admin/x;v=1', '/x%2Fy', '/x//y', '/x\\y'])('goes on as it came when all readings take one route: %s', async (target) => {
    const { url } = await httpOrigin((request, response) => response.end(`<${request.url}>`));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/admin/*' }, pool: 'web', name: 'admin' }, { pool: 'web' }] });
    expect(await ask(port, target)).toBe(`<${target}>`);
  });

  it.each(twofold)('is nobody\'s business where no route looks at paths: %s', async (target) => {
    const { url } = await namedOrigin('any');
    const { port } = await start(proxyTo(url));
    expect(await ask(port, target)).toBe('any');
  });

  it('is shown to no plugin of the route, and told as a refusal', async () => {
    const recorder = new Recorder();
    const shown: string[] = [];
    const guard = plugin('guard', ({ hooks }) => hooks.onRequest.tap(({ request }) => void shown.push(request.path)));
    const { port } = await start({ ...proxyTo('http://127.0.0.1:9'), routes: [{ match: { path: '/admin/*' }, pool: 'web', plugins: [guard] }, { pool: 'web', name: 'rest' }], plugins: [recorder.plugin()] });
    await sendRaw(port, 'POST /admin%2Fx HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await recorder.responses(1);
    expect([shown, recorder.results.map(({ route, result }) => [route, result.status, result.code, result.attempts])]).toEqual([[], [[undefined, 400, 'ERR_REQUEST_MALFORMED', 0]]]);
  });
});

describe('a path with dot segments', () => {
  it.each([
    ['/admin/../x?q=/../y', '/x?q=/../y'], ['/x/%2e%2E/y', '/y'], ['/x/./y', '/x/y'],
    ['/x/..y/.z', '/x/..y/.z'], ['/x%2f..%2fy', '/x%2f..%2fy'], ['/%61/x', '/%61/x'], ['/x/.;/../y', '/x/y'],
    // What a bare % and a decoded digit would make together: dot segments that were none when the route was chosen.
    ['/x/%%32e%%32e/admin/.', '/x/%%32e%%32e/admin/'], ['/x/%2%65%2%65/admin/.', '/x/%2%65%2%65/admin/'],
  ])('goes on without them, as it was matched: %s', async (target, expected) => {
    const { url } = await httpOrigin((request, response) => response.end(`<${request.url}>`));
    const { port } = await start({ ...proxyTo(url), routes: [{ match: { path: '/admin/*' }, pool: 'web' }, { pool: 'web' }] });
    const client = await RawClient.connect(port);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.until('>')).toContain(`<${expected}>`);
  });
});

describe('a plugin that guards a path by itself', () => {
  it.each(['/admin/x', '/x/../admin/x', '/./admin/x', '/%61dmin/x', '/x/%2e%2e/admin/x'])('sees the path that the backend would be asked for: %s', async (target) => {
    const guard = plugin('guard', ({ hooks }) => hooks.onRequest.tap(({ request }) => (request.path.startsWith('/admin') ? { respond: { status: 401, body: 'stop' } } : undefined)));
    const { url } = await namedOrigin('inside');
    const { port } = await start({ ...proxyTo(url), plugins: [guard] });
    expect(await ask(port, target)).toBe('stop');
    expect(await ask(port, '/admi/../n')).toBe('inside');
  });
});

describe('several listeners', () => {
  it('have their own routes and default pools', async () => {
    const [a, b, c] = [await namedOrigin('a'), await namedOrigin('b'), await namedOrigin('c')];
    const { balancer } = await start({
      listeners: [{ name: 'public', port: 0, host: '127.0.0.1' }, { name: 'inner', port: 0, host: '127.0.0.1', pool: 'c' }],
      pools: { a: { backends: [a.url] }, b: { backends: [b.url] }, c: { backends: [c.url] } },
      routes: [{ match: { path: '/x' }, pool: 'a', listeners: ['public'] }, { match: { path: '/x' }, pool: 'b', listeners: ['inner'] }, { match: { path: '/both' }, pool: 'b' }],
    });
    const [outside, inside] = [balancer.address('public').port, balancer.address('inner').port];
    expect([await ask(outside, '/x'), await ask(outside, '/both'), await ask(outside, '/other')]).toEqual(['a', 'b', 'none']);
    expect([await ask(inside, '/x'), await ask(inside, '/both'), await ask(inside, '/other')]).toEqual(['b', 'b', 'c']);
  });
});

it('maxBodyBytes of a route counts in place of the listener\'s', async () => {
  const { url } = await namedOrigin('took it');
  const { port } = await start({
    ...proxyTo(url), listeners: [{ port: 0, host: '127.0.0.1', limits: { maxBodyBytes: 5 } }],
    routes: [{ match: { path: '/large' }, pool: 'web', maxBodyBytes: 100 }, { match: { path: '/any' }, pool: 'web', maxBodyBytes: null }, { pool: 'web' }],
  });
  const post = async (path: string, size: number): Promise<string> => (await sendRaw(port, `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)).slice(9, 12);
  expect([await post('/', 5), await post('/', 6), await post('/large', 100), await post('/large', 101), await post('/any', 1_000)]).toEqual(['200', '413', '200', '413', '200']);
});

it('requests of one connection take each their own way', async () => {
  const { port } = await start(await named({ one: { path: '/1' }, two: { path: '/2' } }));
  const client = await RawClient.connect(port);
  client.send(['/1', '/2', '/3', '/1'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  expect((await client.until(/two[^]*one/)).match(/one|two|404 Not Found(?=\r)/g)).toEqual(['one', 'two', '404 Not Found', 'one']);
});

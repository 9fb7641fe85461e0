import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalisePath } from '../../core/src/http1/target.ts';
import type { RequestHead } from '@steelyard/sdk';
import type { ResolvedRoute } from '../../core/src/config/resolved.ts';
import { RouteTable, rewriteTarget } from '../../core/src/request/route.ts';
import { parsePattern } from '../../core/src/request/path-pattern.ts';

const route = (given: Partial<ResolvedRoute>): ResolvedRoute => ({
  name: '', hosts: [], paths: [], methods: [], headers: [], listeners: ['web'], pool: 'web', rewrite: undefined, maxBodyBytes: undefined, plugins: [], ...given,
});
const rewrite = (given: Partial<NonNullable<ResolvedRoute['rewrite']>>) => ({ host: '', stripPrefix: '', addPrefix: '', path: '', ...given });

/** A head that counts how often it was asked for a string. */
function head(target: string, more: { host?: string; method?: string; headers?: Record<string, string> } = {}) {
  const { host = 'example.org', method = 'GET', headers = {} } = more;
  const [path = '', query = ''] = target.split(/\?(.*)/s);
  const counts = { host: 0, path: 0 };
  const request = {
    method, target, query, version: '1.1', counts,
    get host() { counts.host += 1; return host; },
    get path() { counts.path += 1; return normalisePath(path); },
    header: (name: string) => headers[name],
    hasHeader: (name: string) => name in headers,
  };
  return request as unknown as RequestHead & { counts: typeof counts };
}
const indexOf = (routes: Partial<ResolvedRoute>[], request: RequestHead): number => new RouteTable(routes.map(route)).match(request)?.index ?? -1;

describe('RouteTable', () => {
  it('gives nothing when no route matches', () => {
    expect(indexOf([], head('/'))).toBe(-1);
    expect(indexOf([{ paths: ['/x'] }], head('/'))).toBe(-1);
  });

  it('takes the first route that matches, in the order of the config', () => {
    expect(indexOf([{ paths: ['/a/*'] }, { paths: ['/a/b'] }, {}], head('/a/b'))).toBe(0);
    expect(indexOf([{ paths: ['/a/b'] }, { paths: ['/a/*'] }, {}], head('/a/c'))).toBe(1);
    expect(indexOf([{ hosts: ['*.org'] }, { hosts: ['example.org'] }], head('/'))).toBe(0);
    expect(indexOf([{ hosts: ['example.org'], paths: ['/x'] }, {}, { hosts: ['example.org'] }], head('/'))).toBe(1);
  });

  it.each([
    ['/health', '/health', true], ['/health', '/health/', false], ['/health', '/healthz', false],
    ['/api/*', '/api', true], ['/api/*', '/api/', true], ['/api/*', '/api/a/b', true], ['/api/*', '/apis', false], ['/*', '/', true], ['/*', '/x', true], ['/*', '*', false],
    ['/', '/', true], ['/', '/x', false],
    ['/u/:id/posts', '/u/7/posts', true], ['/u/:id/posts', '/u//posts', false], ['/u/:id/posts', '/u/7/8/posts', false], ['/u/:id', '/u/7', true], ['/u/:id', '/u/7/', false],
    ['/u/:id/*', '/u/7', true], ['/u/:id/*', '/u/7/a/b', true], ['/u/:id/*', '/u', false],
    ['/a%2Fb', '/a%2fb', true], ['/a/b', '/a%2Fb', false], ['/~me', '/%7Eme', true], ['/%7eme', '/~me', true], ['/café', '/caf%c3%a9', true],
  ])('path %s and the request %s: %s', (pattern, path, isMatch) => {
    expect(indexOf([{ paths: [pattern] }], head(path))).toBe(isMatch ? 0 : -1);
  });

  it('compares the normalised path: an encoded or dotted way in is no way round', () => {
    const routes = [{ paths: ['/admin/*'] }, {}];
    for (const path of ['/%61dmin/x', '/public/../admin/x', '/./admin', '/public/%2e%2e/admin/']) expect(indexOf(routes, head(path))).toBe(0);
    expect(indexOf(routes, head('/admin/../public'))).toBe(1);
  });

  it('does not look at the query', () => {
    expect(indexOf([{ paths: ['/a'] }], head('/a?b=/c'))).toBe(0);
  });

  it.each([
    ['example.org', 'example.org', true], ['example.org', 'example.org:8080', true], ['example.org', 'example.org.', true], ['example.org', 'www.example.org', false],
    ['*.example.org', 'www.example.org', true], ['*.example.org', 'a.b.example.org:80', true], ['*.example.org', 'example.org', false], ['*.example.org', '.example.org', false],
    ['*.example.org', 'badexample.org', false], ['[::1]', '[::1]:8080', true], ['[::1]', '[::1]', true], ['example.org', '', false],
  ])('host %s and the request to %s: %s', (pattern, host, isMatch) => {
    expect(indexOf([{ hosts: [pattern] }], head('/', { host }))).toBe(isMatch ? 0 : -1);
  });

  it('finds the same route as a plain walk over all of them', () => {
    const hosts = ['a.org', 'x.a.org', '*.a.org', '*.x.a.org', 'b.org'];
    const paths = ['/', '/a', '/a/*', '/:p/b'];
    const some = fc.record({ hosts: fc.subarray(hosts, { maxLength: 2 }), paths: fc.subarray(paths, { maxLength: 2 }), methods: fc.subarray(['GET', 'PUT'], { maxLength: 1 }) });
    const fitsHost = (pattern: string, host: string) => (pattern.startsWith('*') ? host.endsWith(pattern.slice(1)) && host !== pattern.slice(1) : pattern === host);
    const fitsPath = (pattern: string, path: string) => new RegExp(`^${pattern.replace('/*', '(/.*)?').replace(':p', '[^/]+')}$`).test(path);
    const fits = <T>(list: T[], isFit: (item: T) => boolean) => list.length === 0 || list.some(isFit);
    fc.assert(fc.property(fc.array(some, { maxLength: 6 }), fc.constantFrom('a.org', 'x.a.org', 'y.x.a.org', 'z.a.org', 'b.org', 'c.org'), fc.constantFrom('/', '/a', '/a/b', '/c/b', '/c'), (routes, host, path) => {
      const wanted = routes.findIndex((each) => fits(each.hosts, (pattern) => fitsHost(pattern, host)) && fits(each.paths, (pattern) => fitsPath(pattern, path)) && fits(each.methods, (method) => method === 'GET'));
      expect(indexOf(routes, head(path, { host }))).toBe(wanted);
    }), { numRuns: 1_000 });
  });

  it('matches methods exactly', () => {
    expect(indexOf([{ methods: ['GET', 'HEAD'] }], head('/', { method: 'HEAD' }))).toBe(0);
    expect(indexOf([{ methods: ['GET'] }], head('/', { method: 'get' }))).toBe(-1);
  });

  it.each([
    [true, { canary: '' }, true], [true, {}, false], [false, {}, true], [false, { canary: '1' }, false],
    ['1', { canary: '1' }, true], ['1', { canary: '12' }, false], ['1', {}, false], [/^v\d$/, { canary: 'v2' }, true], [/^v\d$/, {}, false],
  ] as const)('header %s and %o: %s', (wanted, headers, isMatch) => {
    expect(indexOf([{ headers: [['canary', wanted]] }], head('/', { headers }))).toBe(isMatch ? 0 : -1);
  });

  it('needs all headers', () => {
    const routes = [{ headers: [['a', true], ['b', '1']] as [string, string | boolean][] }];
    expect(indexOf(routes, head('/', { headers: { a: '', b: '1' } }))).toBe(0);
    expect(indexOf(routes, head('/', { headers: { b: '1' } }))).toBe(-1);
  });

  it.each(['g', 'y', 'gy', ''])('a RegExp with the flags "%s" answers the same each time, and is not touched', (flags) => {
    const path = new RegExp('/a', flags);
    const table = new RouteTable([route({ paths: [path], headers: [['h', new RegExp('1', flags)]] })]);
    for (let i = 0; i < 3; i++) expect(table.match(head('/a', { headers: { h: '1' } }))?.index).toBe(0);
    expect(path.lastIndex).toBe(0);
  });

  it('asks for no host and no path where no route looks at them', () => {
    const request = head('/a');
    expect(new RouteTable([route({})]).match(request)?.index).toBe(0);
    expect(new RouteTable([route({ methods: ['PUT'] }), route({})]).match(request)?.index).toBe(1);
    expect(request.counts).toEqual({ host: 0, path: 0 });
    new RouteTable([route({ paths: ['/x'] }), route({ paths: ['/y'] }), route({})]).match(request);
    expect(request.counts).toEqual({ host: 0, path: 1 });
  });

  it('gives the same object each time, but where a rewrite uses a name', () => {
    const plain = new RouteTable([route({ paths: ['/u/:id'], rewrite: rewrite({ path: '/fixed' }) })]);
    expect(plain.match(head('/u/1'))).toBe(plain.match(head('/u/2')));
    const named = new RouteTable([route({ paths: ['/u/:id'], rewrite: rewrite({ path: '/:id' }) })]);
    const [one, two] = [named.match(head('/u/1'))!, named.match(head('/u/2'))!];
    expect([rewriteTarget(one, head('/u/1')), rewriteTarget(two, head('/u/2'))]).toEqual(['/1', '/2']);
  });
});

describe('isAmbiguous', () => {
  const isAmbiguous = (routes: Partial<ResolvedRoute>[], request: RequestHead): boolean => {
    const table = new RouteTable(routes.map(route));
    return table.isAmbiguous(request, table.match(request));
  };

  it.each([
    // A pattern that holds such characters means them.
    ['/a%2Fb', '/a%2fb', false], ['/map;v=1', '/map;v=1', false], ['/a//b', '/a//b', false], ['/a\\b', '/a\\b', false], ['/a%2Fb/*', '/a%2Fb/x', false],
    ['/a%2Fb/*', '/a%2Fb/..%2F..%2Fx', true], ['/a%2F..', '/a%2F..', true], ['/:x/b', '/a%2Fb', true], ['/:x', '/a%2Fb', true], ['/a/:x', '/a/b%2Fc', true], ['/a/:x', '/a/b;v=1', false], ['/a/:x', '/a/;v', true],
    ['/a', '/a;v=1', true], ['/a', '/a//', false], ['/a', '//a', true], ['/b', '//a', false], ['/', '//', true], ['/*', '//', false],
  ])('where the pattern is %s, of %s: %s', (pattern, path, expected) => {
    expect(isAmbiguous([{ paths: [pattern] }], head(path))).toBe(expected);
  });

  it('holds a RegExp against both readings', () => {
    expect(isAmbiguous([{ paths: [/^\/a\//g] }, {}], head('/a%2Fb'))).toBe(true);
    expect(isAmbiguous([{ paths: [/^\/a\//g] }, {}], head('/a/b%2Fc'))).toBe(false);
    expect(isAmbiguous([{ paths: [/^\/a/y] }, {}], head('/a%2Fb'))).toBe(false);
  });

  it('is true of a path with more places to differ in than anybody has: to read it in every way would cost too much', () => {
    const path = (places: number): string => `/b${'/x%2F'.repeat(places)}`;
    expect([256, 257].map((places) => isAmbiguous([{ paths: ['/a/*'] }, {}], head(path(places))))).toEqual([false, true]);
    expect(isAmbiguous([{}], head(path(257)))).toBe(false);
  });
  it('knows the other matchers: a route that does not fit the request for them is none to get past', () => {
    expect(isAmbiguous([{ paths: ['/a/*'], methods: ['POST'] }, {}], head('/a%2Fb'))).toBe(false);
    expect(isAmbiguous([{ paths: ['/a/*'], methods: ['POST'] }, {}], head('/a%2Fb', { method: 'POST' }))).toBe(true);
    expect(isAmbiguous([{ paths: ['/a/*'], hosts: ['b.org'] }, {}], head('/a%2Fb'))).toBe(false);
    expect(isAmbiguous([{ paths: ['/a/*'], headers: [['x', true]] }, {}], head('/a%2Fb'))).toBe(false);
    expect(isAmbiguous([{}, { paths: ['/a/*'] }], head('/a%2Fb'))).toBe(false);
  });

  it('is so whenever any reader of the usual kinds would find another route', () => {
    const steps = [
      (path: string): string => path.replace(/%2f/gi, '/'), (path: string): string => path.replace(/%5c|\\/gi, '/'), (path: string): string => path.replace(/;[^/]*/g, ''), (path: string): string => path.replace(/\/+/g, '/'),
    ];
    const reader = fc.shuffledSubarray(steps.slice(0, 3)).chain((some) => fc.constantFrom(some, [...some, steps[3]!]));
    const routes = [{ paths: ['/a/*'] }, { paths: ['/b'] }, {}];
    const path = fc.array(fc.constantFrom('/', 'a', 'b', '..', '.', '%2F', '%2f', '%5C', '\\', ';', 'x'), { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    fc.assert(fc.property(path, reader, (path, how) => {
      if (isAmbiguous(routes, head(path))) return;
      // What is sent has no dot segments; the reader resolves those that it uncovers.
      const read = normalisePath(how.reduce((read, step) => step(read), normalisePath(path)));
      expect([read, indexOf(routes, head(read))]).toEqual([read, indexOf(routes, head(path))]);
    }), { numRuns: 5_000 });
  });
});

describe('rewriteTarget', () => {
  const rewritten = (target: string, how: Parameters<typeof rewrite>[0], paths: string[] = []): string | undefined => {
    const request = head(target);
    return rewriteTarget(new RouteTable([route({ paths, rewrite: rewrite(how) })]).match(request)!, request);
  };

  it.each([
    ['/api/x?q=1', { stripPrefix: '/api' }, '/x?q=1'], ['/api', { stripPrefix: '/api' }, '/'], ['/api/', { stripPrefix: '/api/' }, '/'], ['/apis', { stripPrefix: '/api' }, undefined],
    ['/x?', { stripPrefix: '/api' }, undefined], ['/%61pi/x', { stripPrefix: '/api' }, '/x'], ['/api//evil.org/', { stripPrefix: '/api' }, '/evil.org/'], ['/api///', { stripPrefix: '/api' }, '/'],
    ['/x', { addPrefix: '/v2' }, '/v2/x'], ['/x', { addPrefix: '/v2/' }, '/v2/x'], ['/api/x', { stripPrefix: '/api', addPrefix: '/v2' }, '/v2/x'],
    ['/x?a', { path: '/fixed' }, '/fixed?a'], ['/fixed?a', { path: '/fixed' }, undefined], ['*', { addPrefix: '/v2' }, undefined], ['/x', { host: 'a.org' }, undefined],
  ])('%s by %o is %s', (target, how, wanted) => {
    expect(rewritten(target, how)).toBe(wanted);
  });

  it('puts the segments of the match where the path names them, encoded as they came', () => {
    expect(rewritten('/users/a%2Fb/posts/7?x', { path: '/posts-of/:id/:n' }, ['/users/:id/posts/:n'])).toBe('/posts-of/a%2Fb/7?x');
  });

  it('begins with one slash and keeps the query, whatever comes', () => {
    const target = fc.tuple(fc.stringMatching(/^\/[a/.%2eF]{0,12}$/), fc.stringMatching(/^[a=&]{0,5}$/));
    const how = fc.constantFrom({ stripPrefix: '/a' }, { stripPrefix: '/a/a' }, { stripPrefix: '/a', addPrefix: '/b' }, { addPrefix: '/b' });
    fc.assert(fc.property(target, how, ([path, query], given) => {
      const result = rewritten(query === '' ? path : `${path}?${query}`, given);
      if (result === undefined) return;
      expect(result).toMatch(/^\/(?!\/)/);
      expect(result.split('?')[1] ?? '').toBe(query);
    }), { numRuns: 1_000 });
  });
});

describe('parsePattern', () => {
  it.each(['api', '/a*', '/*/b', '/a?b', '/a b', '/:', '/:1', '/:a-b', '/:a/:a', '/a/../b', '/a#b'])('refuses %s', (pattern) => {
    expect(parsePattern(pattern)).toHaveProperty('problem');
  });
});

import { describe, expect, it } from 'vitest';
import { BRAND } from '@steelyard/sdk';
import { connectionsByDescriptors } from '../../core/src/listen/descriptors.ts';
import { resolveBackends } from '../../core/src/config/resolve.ts';
import { config, faultsOf, resolved } from './faults-of.ts';
import { check, filter, list, metrics, p2c, wrap } from './plugins.ts';

describe('a resolved config', () => {
  it('has every default that the SDK documents', async () => {
    const { listeners, pools, routes, ...rest } = await resolved({ listeners: [{ port: 8080, host: '127.0.0.1' }], routes: [{ pool: 'web' }] });
    expect(listeners).toEqual([{
      name: 'http-8080-127.0.0.1', protocol: 'http', host: '127.0.0.1', port: 8080, backlog: 4_096, pool: undefined, plugins: [],
      timeouts: { headMs: 10_000, bodyMs: 30_000, writeMs: 30_000, graceMs: 5_000, idleMs: 60_000, requestMs: Infinity, tunnelMs: 3_600_000 },
      limits: {
        maxHeadBytes: 32_768, maxTargetBytes: 8_192, maxHeaders: 100, maxHeaderLineBytes: 16_384, maxBodyBytes: Infinity, maxChunkExtensionBytes: 16_384, maxTrailerBytes: 8_192,
        maxPipelinedBytes: 65_536, maxRequestsPerConnection: Infinity, minBodyBytesPerSecond: 240, minResponseBytesPerSecond: 240,
        maxConnections: Infinity, maxConnectionsPerAddress: Infinity, maxNewConnectionsPerSecond: Infinity,
      },
      trustedProxies: [], forwarding: { xForwarded: true, forwarded: false, via: true }, halfClose: 'abort',
    }]);
    expect(pools).toEqual([{
      name: 'web', protocol: 'http', strategy: undefined, health: [], unknown: 'unavailable', panicThreshold: 0, plugins: [], maxIdle: 256, maxResponseHeadBytes: 65_536,
      backends: [{ id: 'web/http://127.0.0.1:9001', url: 'http://127.0.0.1:9001', protocol: 'http', host: '127.0.0.1', port: 9001, address: '127.0.0.1:9001', weight: 1, maxInFlight: Infinity, labels: {}, zone: '', priority: 0, drain: false }],
      retry: { attempts: 3, replays: 1, budget: 0.2, budgetPerSecond: 10, retryBufferBytes: 16_384 },
      timeouts: { connectMs: 5_000, responseMs: 60_000, bodyMs: 60_000, idleMs: 4_000 },
    }]);
    expect(routes).toEqual([{ name: 'web', hosts: [], paths: [], methods: [], headers: [], listeners: ['http-8080-127.0.0.1'], pool: 'web', rewrite: undefined, maxBodyBytes: undefined, plugins: [] }]);
    expect(rest).toEqual({ plugins: [], drainLimitMs: 30_000, setupLimitMs: 10_000, workers: undefined, stallLimitMs: 5_000, maxConnections: connectionsByDescriptors(), maxLoopDelayMs: 1_000, log: { level: 'info' } });
  });

  it('takes an explicit undefined for absent', async () => {
    const { drainLimitMs, pools } = await resolved({ drainLimitMs: undefined }, { timeouts: { connectMs: undefined, idleMs: 1 } });
    expect([drainLimitMs, pools[0]!.timeouts]).toEqual([30_000, { connectMs: 5_000, responseMs: 60_000, bodyMs: 60_000, idleMs: 1 }]);
  });

  it('lowers the defaults that another value leaves no room for', async () => {
    const { listeners, pools } = await resolved({ listeners: [{ port: 0, limits: { maxHeadBytes: 1_024 } }] }, { retry: { attempts: 1 } });
    expect(listeners[0]!.limits).toMatchObject({ maxTargetBytes: 1_024, maxHeaderLineBytes: 1_024 });
    expect(pools[0]!.retry.replays).toBe(0);
  });

  it('names each listener and each route once', async () => {
    const { listeners, routes } = await resolved({
      listeners: [{ port: 0 }, { port: 0 }, { port: 0, name: 'http-0-2' }, { port: 9, protocol: 'tcp', pool: 'db' }],
      pools: { web: { backends: [] }, api: { backends: [] }, db: { protocol: 'tcp', backends: [] } },
      routes: [{ pool: 'web' }, { pool: 'api' }, { pool: 'web' }, { pool: 'web', name: 'last' }],
    });
    expect(listeners.map(({ name }) => name)).toEqual(['http-0', 'http-0-3', 'http-0-2', 'tcp-9']);
    expect(routes.map(({ name }) => name)).toEqual(['web-1', 'api', 'web-3', 'last']);
    expect(routes[0]!.listeners).toEqual(['http-0', 'http-0-3', 'http-0-2']);
  });

  it('is frozen through and through, and leaves what was given as it was', async () => {
    const labels = { version: 'v2' };
    const rules = [{ from: 'a' }];
    const given = config({ plugins: [filter({ rules })] }, { backends: [{ url: 'http://a:1', labels }] });
    const done = await resolved(given);
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || 'create' in value || 'setup' in value) return;
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(visit);
    };
    visit(done);
    expect([Object.isFrozen(labels), Object.isFrozen(rules), Object.isFrozen(given)]).toEqual([false, false, false]);
    expect(rules).toEqual([{ from: 'a' }]);
  });

  it('gives plugins their options with defaults: nested objects, lists and strategies too', async () => {
    const onMiss = (): void => {};
    const { pools, plugins } = await resolved({ plugins: [filter({ rules: [{ from: 'a' }, { from: 'b', limit: 1 }] })] }, { strategy: wrap({ over: wrap({ over: p2c() }), onMiss }) });
    expect(plugins[0]!.options).toEqual({ mode: 'fast', rules: [{ from: 'a', limit: 10 }, { from: 'b', limit: 1 }], labels: {} });
    const outer = pools[0]!.strategy!.options as { key: string; onMiss: unknown; over: { brand: string; options: { over: { options: object } } } };
    expect([outer.key, outer.onMiss, outer.over.brand, outer.over.options.over.options]).toEqual(['id', onMiss, BRAND, { choices: 2 }]);
  });

  it('leaves falsy plugins and checks out', async () => {
    const done = await resolved({ plugins: [false, metrics(), null, undefined, 0, ''] }, { health: [false, check()] });
    expect([done.plugins.map(({ name }) => name), done.pools[0]!.health.map(({ name }) => name)]).toEqual([['metrics'], ['http-check']]);
  });

  it('loads plugins by name, and strategies named inside their options', async () => {
    const { pools } = await resolved({}, { strategy: { use: 'p2c', options: { choices: 3 } } });
    expect(pools[0]!.strategy).toMatchObject({ name: 'p2c', options: { choices: 3 } });
    expect(await faultsOf(config({}, { strategy: { use: 'p2c', options: { choices: 9 } } }))).toEqual(['pools.web.strategy.options.choices (p2c) is 9, must be a whole number from 2 to 8']);
    expect(await faultsOf(config({}, { strategy: { use: 'p2c', choices: 3 } }))).toEqual(['pools.web.strategy.choices is not known here, allowed are use and options (what the plugin is told stands in options)']);
    const { pools: nested } = await resolved({}, { strategy: { use: './test/config/plugin-file.ts', options: { over: { use: 'random' } } } });
    expect(nested[0]!.strategy!.options).toMatchObject({ over: { name: 'random', brand: BRAND } });
  });

  it('takes a discovery for backends', async () => {
    const { pools } = await resolved({}, { backends: list({ port: 1 }) });
    expect(pools[0]!.backends).toMatchObject({ kind: 'discovery', name: 'list', options: { port: 1 } });
  });

  it('brings hosts, methods and header names into the form of the comparison', async () => {
    const { routes } = await resolved({ routes: [{ pool: 'web', match: { host: ['API.Example.org', '*.Bücher.example'], method: 'get', header: { 'X-Canary': true } }, maxBodyBytes: null }] });
    expect(routes[0]).toMatchObject({ hosts: ['api.example.org', '*.xn--bcher-kva.example'], methods: ['GET'], headers: [['x-canary', true]], maxBodyBytes: Infinity });
  });
});

describe('resolveBackends', () => {
  const web = { name: 'web', protocol: 'http' } as const;

  it.each([
    ['http://a', 'http://a:80', 'a', 80, 'a:80'], ['HTTP://A.org:9/', 'http://a.org:9', 'a.org', 9, 'a.org:9'], ['http://[::1]:9', 'http://[::1]:9', '::1', 9, '[::1]:9'],
    ['http://my_host:1', 'http://my_host:1', 'my_host', 1, 'my_host:1'],
  ])('reads %s', (given, url, host, port, address) => {
    expect(resolveBackends(web, [given], 'x').backends[0]).toMatchObject({ id: `web/${url}`, url, host, port, address });
  });

  it('keeps the port of a tcp backend that is another scheme\'s own', () => {
    expect(resolveBackends({ name: 'db', protocol: 'tcp' }, ['tcp://a:80'], 'x').backends[0]).toMatchObject({ port: 80, id: 'db/tcp://a:80' });
  });

  it.each(['http://', 'http://a:0', 'http://a:99999', 'http://a b', 'http://u:p@a', 'http://a?x', 'http://a\\b', 'a', '', 'http://a\r\nX: y', 'ftp://a'])('refuses %j', (given) => {
    const { backends, faults } = resolveBackends(web, [given], 'pools.web.backends');
    expect([backends, faults.map(({ path }) => path)]).toEqual([[], ['pools.web.backends[0]']]);
  });

  it('tells the faults of a discovery that gives nonsense, and gives what is right', () => {
    const nonsense = [null, 5, 'http://a:1', { url: 'http://a:1', id: 'two' }, { url: 'http://a:1', id: 'two' }, { url: 7 }, []] as never;
    const { backends, faults } = resolveBackends(web, nonsense, 'x');
    expect(backends.map(({ id }) => id)).toEqual(['web/http://a:1', 'two']);
    expect(faults.map(({ path }) => path).toSorted()).toEqual(['x[0]', 'x[1]', 'x[4]', 'x[5].url', 'x[6]']);
    expect(resolveBackends(web, 'no list' as never, 'x')).toMatchObject({ backends: [], faults: [{ path: 'x' }] });
  });
});

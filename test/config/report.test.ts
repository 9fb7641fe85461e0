import { describe, expect, it } from 'vitest';
import { defineStrategy } from '@steelyard/sdk';
import { resolveConfig } from '../../core/src/config/load.ts';
import { config, faultsOf } from './faults-of.ts';
import { firstOf, keyed, loadOnly, ring, byHeader, check, filter, list, metrics, p2c, untyped, wrap } from './plugins.ts';

const loop: unknown[] = [];
loop.push(loop);

describe('a report', () => {
  it('tells all faults at once, each with its path, what was given, what is allowed and what was meant', async () => {
    const faulty = {
      listeners: [{ port: 70_000, protocl: 'http' }],
      pools: { api: { backends: ['http://10.0.0.1:9001', { url: 'http://10.0.0.2:9001', weight: -3 }], strategy: p2c({ choices: 99 }) } },
      routes: [{ pool: 'apii' }],
    };
    await expect(resolveConfig(faulty, '/')).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: [
        'the config has 5 faults:',
        '  listeners[0].protocl is not known here, allowed are name, port, host, protocol, pool, plugins, backlog, timeouts, limits, trustedProxies, forwarding and halfClose (did you mean protocol?)',
        '  listeners[0].port is 70000, must be a whole number from 0 to 65535',
        '  pools.api.backends[1].weight is -3, must be a number from 0 to 65535',
        '  pools.api.strategy.choices (p2c) is 99, must be a whole number from 2 to 8',
        '  routes[0].pool is "apii", but there is no such pool: there is api (did you mean "api"?)',
      ].join('\n'),
    });
  });

  it.each<[rule: string, config: unknown, faults: string[]]>([
    ['no object', 5, ['the config is 5, must be an object, as defineConfig takes it']],
    ['nothing', {}, ['listeners is missing, must be a list of listeners: [{ port: 8080 }]', 'pools is missing, must be an object of pools: { web: { backends: ["http://10.0.0.1:9001"] } }']],
    ['a Map', config({ pools: new Map() }), ['pools is a Map: a config is made of plain objects, lists and plugins']],
    ['a loop', config({ plugins: loop }), ['plugins[0] refers to an object that it is a part of']],
    ['a number in quotes', config({ listeners: [{ port: '80' }] }), ['listeners[0].port is "80", must be a whole number from 0 to 65535 (without the quotes)']],
    ['a level that is nearly one', config({ log: { level: 'warning' } }), ['log.level is "warning", must be "debug", "info", "warn", "error" or "silent"']],
    ['a level that is misspelt', config({ log: { level: 'eror' } }), ['log.level is "eror", must be "debug", "info", "warn", "error" or "silent" (did you mean "error"?)']],
    ['TLS on a listener', config({ listeners: [{ port: 443, protocol: 'https' }] }), ['listeners[0].protocol is "https", must be "http" or "tcp" (TLS on listeners is not built yet: let it end in front of Steelyard, and listen with protocol "http" or "tcp")']],
    ['a backend that is no list, and no password of it', config({}, { backends: 'http://me:secret@a:1' }), ['pools.web.backends is a string, must be a list of backends, or a discovery plugin (a list also of one: backends: ["http://host:port"])']],
    ['a name in place of a discovery', config({}, { backends: 'dns' }), ['pools.web.backends is a string, must be a list of backends, or a discovery plugin (a plugin by its name is { use: "name" })']],
    ['TLS to a backend', config({}, { backends: ['https://a:1'] }), ['pools.web.backends[0] is "https://a:1", must begin with http:// (TLS to backends is not built yet: use http:// or tcp:// on a network that you trust)']],
    ['a backend without scheme', config({}, { backends: ['localhost:9001'] }), ['pools.web.backends[0] is "localhost:9001", must begin with http:// (did you mean "http://localhost:9001"?)']],
    ['a backend of another protocol', config({}, { backends: ['tcp://a:1'] }), ['pools.web.backends[0] is "tcp://a:1", must begin with http:// in a pool of protocol http (for tcp backends the pool says protocol: "tcp")']],
    ['a backend with a path', config({}, { backends: ['http://a:1/api'] }), ['pools.web.backends[0] is "http://a:1/api", must end after the port (a path is added by the rewrite of a route: rewrite: { addPrefix })']],
    ['a tcp backend without port', config({}, { protocol: 'tcp', backends: ['tcp://a'] }), ['pools.web.backends[0] is "tcp://a", which has no port (tcp://host:port)']],
    ['a backend twice', config({}, { backends: ['http://a:80', 'http://A'] }), ['pools.web.backends[1] has the id "web/http://a:80", which pools.web.backends[0] has already (give one of them an id of its own)']],
    ['a listener whose pool speaks tcp', config({ listeners: [{ port: 0, pool: 'web' }] }, { protocol: 'tcp', backends: ['tcp://a:1'] }), ['listeners[0].pool is "web", a pool of protocol tcp, and an http listener needs one of protocol http']],
    ['a tcp listener with an http pool', config({ listeners: [{ port: 0, pool: 'web', protocol: 'tcp' }] }), ['listeners[0].pool is "web", a pool of protocol http, and a tcp listener needs one of protocol tcp']],
    ['a tcp listener without pool, with limits', config({ listeners: [{ port: 0, protocol: 'tcp', limits: { maxConnections: 9, maxHeaders: 9 } }] }), ['listeners[0].pool is missing: a tcp listener needs the name of a pool', 'listeners[0].limits.maxHeaders is for http listeners, and this one is tcp']],
    ['two listeners on an address', config({ listeners: [{ port: 80 }, { port: 80, host: '::' }] }), ['listeners[1].port is 80 on ::, where listeners[0] listens already (two listeners cannot share an address)']],
    ['an address that :: covers', config({ listeners: [{ port: 80, host: '127.0.0.1' }, { port: 80, host: '::' }] }), ['listeners[1].port is 80 on ::, where listeners[0] listens already (two listeners cannot share an address)']],
    ['two listeners of a name', config({ listeners: [{ port: 0, name: 'a' }, { port: 0, name: 'a' }] }), ['listeners[1].name is "a", which listeners[0] is called already (names of listeners are unique)']],
    ['two routes of a name', config({ routes: [{ pool: 'web', name: 'a' }, { pool: 'web', name: 'a' }] }), ['routes[1].name is "a", which routes[0] is called already (names of routes are unique)']],
    ['a route on a listener that is not there', config({ listeners: [{ port: 0, name: 'public' }], routes: [{ pool: 'web', listeners: ['publik'] }] }), ['routes[0].listeners[0] is "publik", but there is no such listener: there is public (did you mean "public"?)']],
    ['a condition outside match', config({ routes: [{ pool: 'web', path: '/a' }] }), ['routes[0].path is not known here, allowed are name, match, listeners, pool, rewrite, maxBodyBytes and plugins (conditions stand in match: { path })']],
    ['a star in the middle', config({ routes: [{ pool: 'web', match: { path: '/a*' } }] }), ['routes[0].match.path is "/a*": "*" stands at the end, behind "/", for a folder and all below it (for anything else take a RegExp)']],
    ['a rewrite by a name that is not matched', config({ routes: [{ pool: 'web', match: { path: '/u/:id' }, rewrite: { path: '/:idd' } }] }), ['routes[0].rewrite.path uses :idd, which not every path of the match has (did you mean "id"?)']],
    ['a host with port', config({ routes: [{ pool: 'web', match: { host: ['a.org', 'b.org:80'] } }] }), ['routes[0].match.host[1] is "b.org:80", must be a host without port (a port is a listener: listeners: ["name"])']],
    ['as many replays as attempts', config({}, { retry: { attempts: 2, replays: 2 } }), ['pools.web.retry.replays is 2, must be below attempts, which is 2']],
    ['a header line longer than heads', config({ listeners: [{ port: 0, limits: { maxHeadBytes: 4096, maxHeaderLineBytes: 5000 } }] }), ['listeners[0].limits.maxHeaderLineBytes is 5000, must be at most maxHeadBytes, which is 4096']],
    ['no connection at all', config({ maxConnections: 0, listeners: [{ port: 0, limits: { maxConnectionsPerAddress: 0 } }] }), ['listeners[0].limits.maxConnectionsPerAddress is 0, must be a whole number from 1 to 1000000, or null for no limit', 'maxConnections is 0, must be a whole number from 1 to 1000000, or null for no limit']],
    ['targets longer than heads', config({ listeners: [{ port: 0, limits: { maxHeadBytes: 4096, maxTargetBytes: 5000 } }] }), ['listeners[0].limits.maxTargetBytes is 5000, must be at most maxHeadBytes, which is 4096']],
    ['no range', config({ listeners: [{ port: 0, trustedProxies: ['10.0.0.0/8', '10.0.0.0/33'] }] }), ['listeners[0].trustedProxies[1] is "10.0.0.0/33", must be an address or a CIDR range such as "10.0.0.0/8": behind "/" stands a number from 0 to 32']],
    ['a pool by a name that no metric can carry', config({ pools: { 'a b': { backends: [] } } }), ['pools["a b"] is no name: it must be a name of 1 to 100 letters, digits, ".", "_" and "-", beginning with a letter or digit']],
    ['a factory that was not called', config({}, { strategy: p2c }), ['pools.web.strategy is the factory p2c itself (write p2c() not p2c)']],
    ['a factory with a dash in its name', config({}, { strategy: byHeader }), ['pools.web.strategy is the factory byHeader itself (write byHeader() not byHeader)']],
    ['a module in place of what it exports', config({}, { strategy: { default: p2c } }), ["pools.web.strategy is a module, not the plugin that it exports (write `import name from '...'`, not `import * as name`)"]],
    ['a name in place of a plugin', config({}, { strategy: 'p2c' }), ['pools.web.strategy is "p2c", must be a strategy (a plugin by its name is { use: "p2c" })']],
    ['a check among the plugins', config({ plugins: [metrics(), check()] }), ['plugins[1] is "http-check", which is a health check, must be a plugin (it belongs in pools.<name>.health)']],
    ['an exporter as a check', config({}, { health: [check(), metrics()] }), ['pools.web.health[1] is "metrics", which is an exporter, must be a health check (it belongs in plugins)']],
    ['a strategy as backends', config({}, { backends: p2c() }), ['pools.web.backends is "p2c", which is a strategy, must be a list of backends, or a discovery plugin (it belongs in pools.<name>.strategy)']],
    ['an http strategy in a tcp pool', config({}, { protocol: 'tcp', backends: ['tcp://a:1'], strategy: byHeader() }), ['pools.web.strategy is by-header, which reads HTTP requests: a tcp pool has none (take a strategy of protocol "any", or make it an http pool)']],
    ['one inside another strategy', config({}, { protocol: 'tcp', backends: ['tcp://a:1'], strategy: wrap({ over: byHeader() }) }), ['pools.web.strategy is by-header, which reads HTTP requests: a tcp pool has none (take a strategy of protocol "any", or make it an http pool)']],
    ['a key that is a part of requests in a tcp pool', config({}, { protocol: 'tcp', backends: ['tcp://a:1'], strategy: keyed({ key: [{ cookie: 'c' }, 'address'] }) }), ['pools.web.strategy is keyed, which reads HTTP requests: a tcp pool has none (take a strategy of protocol "any", or make it an http pool)']],
    ['such a key inside another strategy', config({}, { protocol: 'tcp', backends: ['tcp://a:1'], strategy: wrap({ over: keyed({ key: 'path' }) }) }), ['pools.web.strategy is keyed, which reads HTTP requests: a tcp pool has none (take a strategy of protocol "any", or make it an http pool)']],
    ['a key that is none', config({}, { strategy: keyed({ key: untyped({ heder: 'x' }) }) }), [
      'pools.web.strategy.key (keyed) is an object, must be "address", "host", "path" or "target", a function, { header }, { cookie }, { query } or a list of 1 to 16 entries, each "address", "host", "path" or "target", a function, { header }, { cookie } or { query }',
    ]],
    ['an http check in a tcp pool', config({}, { protocol: 'tcp', backends: ['tcp://a:1'], health: check() }), ['pools.web.health is http-check, which is for http pools: this is a tcp pool']],
    ['25 checks', config({}, { health: Array.from({ length: 25 }, () => check()) }), ['pools.web.health has 25 health checks, a pool can have 24']],
    ['options of a nested strategy', config({}, { strategy: wrap({ over: p2c({ choices: 1 }), key: untyped([1]) }) }), ['pools.web.strategy.key[0] (wrap) is 1, must be a string', 'pools.web.strategy.over.choices (p2c) is 1, must be a whole number from 2 to 8']],
    ['a strategy of a kind that the one around it does not take', config({}, { strategy: loadOnly({ over: untyped(ring()) }) }), ['pools.web.strategy.over (load-only) is ring, a strategy of kind hash, must be one of kind load (load goes by load or weight, hash by a key, order by the order of the config)']],
    ['such a one deeper inside', config({}, { strategy: loadOnly({ over: untyped(firstOf({ over: [p2c(), ring()] })) }) }), ['pools.web.strategy.over (load-only) is first-of, a strategy of kind hash by what is inside it, must be one of kind load (load goes by load or weight, hash by a key, order by the order of the config)']],
    ['what is no strategy among several', config({}, { strategy: firstOf({ over: [p2c(), untyped(7)] }) }), ['pools.web.strategy.over[1] (first-of) is 7, must be a strategy, such as one that a plugin gives']],
    ['an option that is one of several objects', config({}, { strategy: keyed(untyped({ key: { header: 'a b' } })) }), ['pools.web.strategy.key.header (keyed) is "a b", must be a string that fits /^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$/']],
    ['one of them in a list, with a key of another', config({}, { strategy: keyed(untyped({ key: ['address', { header: 'x', cookie: 'y' }] })) }), ['pools.web.strategy.key[1].cookie (keyed) is not known here, allowed is header']],
    ['the name of a strategy inside another one', config({}, { strategy: wrap({ over: untyped('p2c') }) }), ['pools.web.strategy.over (wrap) is "p2c", must be a strategy, such as one that a plugin gives (a plugin by its name is { use: "p2c" })']],
    ['one strategy where a list is due', config({}, { strategy: firstOf({ over: untyped(p2c()) }) }), [expect.stringMatching(/^pools\.web\.strategy\.over \(first-of\) is the strategy p2c, must be a list/)]],
    ['a list that is too long', config({}, { strategy: keyed({ key: Array.from({ length: 17 }, () => 'path' as const) }) }), [expect.stringMatching(/^pools\.web\.strategy\.key \(keyed\) is a list of 17, must be a list of 1 to 16 entries/)]],
    ['the name of a part of requests as a key', config({}, { strategy: keyed({ key: untyped('cookie') }) }), ['pools.web.strategy.key (keyed) is "cookie", must be "address", "host", "path" or "target" (write { cookie: "..." })']],
    ['such a name with what belongs to it', config({}, { strategy: keyed({ key: untyped(['query:id', 'address']) }) }), ['pools.web.strategy.key[0] (keyed) is "query:id", must be "address", "host", "path" or "target" (write { query: "..." })']],
    ['a time with its unit', config({ drainLimitMs: '30s' }), ['drainLimitMs is "30s", must be a whole number of milliseconds from 0 to 2147483647 (in milliseconds: 30000)']],
    ['a time in seconds, where that cannot be meant', config({ stallLimitMs: 5 }), ['stallLimitMs is 5, must be a whole number of milliseconds from 100 to 600000 (in milliseconds: 5 s are 5000)']],
    ['a share in percent', config({}, { panicThreshold: 50 }), ['pools.web.panicThreshold is 50, must be a number from 0 to 1 (50 % is 0.5)']],
    ['a share in percent, as text', config({}, { retry: { budget: '20%' } }), ['pools.web.retry.budget is "20%", must be a number from 0 to 1 (20 % is 0.2)']],
    ['a missing strategy of one kind', config({}, { strategy: loadOnly(untyped({})) }), ['pools.web.strategy.over (load-only) is missing, must be a strategy of kind load']],
    ['an option of several kinds', config({}, { strategy: wrap({ over: p2c(), key: untyped(7) }) }), ['pools.web.strategy.key (wrap) is 7, must be a string that is not empty or a list with at least one entry, each a string']],
    ['an option that takes a function', config({}, { strategy: wrap({ over: p2c(), onMiss: untyped('x') }) }), ['pools.web.strategy.onMiss (wrap) is "x", must be a function, or null']],
    ['an option that takes a strategy', config({}, { strategy: wrap({ over: untyped(check()) }) }), ['pools.web.strategy.over (wrap) is the health check http-check, must be a strategy, such as one that a plugin gives']],
    ['an option that is missing', config({}, { backends: (list as unknown as () => unknown)() }), ['pools.web.backends.port (list) is missing, must be a whole number']],
    ['an option that is unknown', config({ plugins: [filter(untyped({ mod: 'fast' }))] }), ['plugins[0].mod (filter) is not known here, allowed are mode, rules and labels (did you mean mode?)']],
    ['an option deep inside', config({ plugins: [filter(untyped({ rules: [{ from: 'a' }, { limit: 1.5 }], labels: { a: 1 } }))] }), [
      'plugins[0].rules[1].from (filter) is missing, must be a string', 'plugins[0].rules[1].limit (filter) is 1.5, must be a whole number', 'plugins[0].labels.a (filter) is 1, must be a string',
    ]],
    ['a plugin by a name that is nearly one', config({}, { strategy: { use: 'round-robbin' } }), [
      `pools.web.strategy.use names the plugin "round-robbin", which is not there: tried @steelyard/plugins/round-robbin and steelyard-plugin-round-robbin from ${new URL('../..', import.meta.url).pathname} (did you mean "round-robin"?)`,
    ]],
    ['a plugin by the beginning of its name', config({}, { strategy: { use: 'least-conn' } }), [expect.stringContaining('(did you mean "least-connections"?)')]],
    ['a plugin by a name that is none', config({}, { strategy: { use: 'zzz-nothing' } }), [
      `pools.web.strategy.use names the plugin "zzz-nothing", which is not there: tried @steelyard/plugins/zzz-nothing and steelyard-plugin-zzz-nothing from ${new URL('../..', import.meta.url).pathname} (npm install steelyard-plugin-zzz-nothing)`,
    ]],
  ])('of %s', async (_what, given, faults) => {
    const found = await faultsOf(given);
    expect(found).toEqual(faults);
  });

  it('blames the plugin for a fault of its schema, once, and says so', async () => {
    const wrong = defineStrategy<{ a?: number }>({ name: 'wrong', options: { a: untyped({ type: 'integer', minimun: 3, default: 1 }) }, create: () => ({ update: () => {}, select: () => undefined }) });
    await expect(resolveConfig(config({}, { strategy: wrong() }), '/')).rejects.toMatchObject({
      faults: [{
        path: 'pools.web.strategy',
        problem: 'is the plugin "wrong", which is defined wrongly: option a has the word minimun, which its type does not know, did you mean minimum?',
        hint: 'a fault of the plugin, not of this config',
        code: 'ERR_PLUGIN_DEFINITION',
      }],
    });
  });

  it.each([
    ['a name with capitals', { name: 'Wrong' }, 'its name must be lower case with dashes, such as "least-connections", and is "Wrong"'],
    ['no create', { create: undefined }, 'it has no function create'],
    ['no options', { options: undefined }, 'its options must be an object of schemas, {} when there are none, and are undefined'],
    ['a type that is none', { options: { a: { type: 'int' } } }, 'option a has the type "int", allowed are function, strategy, boolean, integer, number, string, array and object'],
    ['a default that does not fit', { options: { a: { type: 'integer', minimum: 2, default: 1 } } }, 'option a has a default that its own schema refuses'],
    ['a pattern that is none', { options: { a: { type: 'string', pattern: '(', default: 'a' } } }, 'option a has a pattern that is none: Invalid regular expression: /(/u: Unterminated group'],
  ])('blames the plugin for %s', async (_what, part, sentence) => {
    const wrong = defineStrategy(untyped({ name: 'wrong', options: {}, create: () => ({}), ...part }));
    const [fault = ''] = await faultsOf(config({}, { strategy: (wrong as () => unknown)() }));
    expect(fault).toContain(`which is defined wrongly: ${sentence}`);
  });

  it('does not repeat a fault of a pool in what refers to it', async () => {
    expect(await faultsOf(config({ pools: { web: 5 }, routes: [{ pool: 'web' }] }))).toEqual(['pools.web is 5, must be an object']);
  });
});

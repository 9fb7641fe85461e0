/** What a config and a plugin may say, held by the compiler: `tsc` fails when a line marked below compiles, and when another does not. */
import { HASH_KEY, defineConfig, defineHealthCheck, definePlugin, defineStrategy, type AnyStrategyUse, type HashKeys, type StrategyProtocol, type StrategyUse } from '@steelyard/sdk';

const idle = () => ({ update: () => {}, select: () => undefined });
const p2c = defineStrategy<{ choices?: number }>({ name: 'p2c', options: { choices: { type: 'integer', minimum: 2, maximum: 8, default: 2 } }, create: idle });
const byHeader = defineStrategy<{ header: string }, 'http'>({ name: 'by-header', protocol: 'http', options: { header: { type: 'string' } }, create: idle });
const ring = defineStrategy<{}, 'any', 'hash'>({ name: 'ring', kind: 'hash', options: {}, create: idle });
const keyed = defineStrategy<{ key?: HashKeys; size?: number }, 'any', 'hash'>({
  name: 'keyed', kind: 'hash', options: { key: { ...HASH_KEY, default: 'address' }, size: { type: 'integer', default: 1 } }, create: idle,
});
const bounded = defineStrategy<{ over: StrategyUse<StrategyProtocol, 'hash'> }, 'any', 'inner'>({ name: 'bounded', kind: 'inner', options: { over: { type: 'strategy', kinds: ['hash'] } }, create: idle });
const slowStart = defineStrategy<{ over: StrategyUse<StrategyProtocol, 'load'> }>({ name: 'slow-start', options: { over: { type: 'strategy', kinds: ['load'] } }, create: idle });
const sticky = defineStrategy<{ over: AnyStrategyUse }, 'http', 'inner'>({ name: 'sticky', protocol: 'http', kind: 'inner', options: { over: { type: 'strategy' } }, create: idle });
const fallback = defineStrategy<{ over: readonly AnyStrategyUse[]; after?: number }, 'any', 'inner'>({
  name: 'fallback', kind: 'inner', options: { over: { type: 'array', items: { type: 'strategy' } }, after: { type: 'integer', default: 1 } }, create: idle,
});
const check = defineHealthCheck<{ path?: string }>({ name: 'check', options: { path: { type: 'string', default: '/' } }, create: () => ({}) });
const filter = definePlugin<{ mode?: 'fast' | 'slow'; onMiss?: ((key: string) => void) | null }>({
  name: 'filter',
  options: { mode: { type: 'string', enum: ['fast', 'slow'], default: 'fast' }, onMiss: { type: 'function', nullable: true, default: null } },
  setup: (options, host) => {
    const mode: 'fast' | 'slow' = options.mode;
    host.log.info(mode);
    host.hooks.onRequest.tap((exchange) => (exchange.request.header('x') === undefined ? undefined : { respond: { status: 403 } }));
  },
});

// What should compile.
void defineConfig({
  listeners: [{ name: 'public', port: 8080 }, { name: 'admin', port: 8081, pool: 'web' }, { port: 6379, protocol: 'tcp', pool: 'db' }],
  pools: {
    web: { backends: ['http://a:1', { url: 'http://b:1', weight: 2 }], strategy: sticky({ over: byHeader({ header: 'x' }) }), health: [check(), false] },
    db: { protocol: 'tcp', backends: ['tcp://a:1'], strategy: p2c() },
  },
  routes: [{ match: { path: ['/a/*', /b/], host: '*.a.org' }, listeners: ['public'], pool: 'web', rewrite: { stripPrefix: '/a' } }],
  plugins: [filter({ mode: 'slow' }), process.env.X === '1' && filter(), { use: 'access-log', options: { format: 'json' } }],
});
void defineConfig(async ({ command, env }) => ({ listeners: [{ port: Number(env.PORT) }], pools: { [command]: { backends: [] } } }));
void defineConfig(Promise.resolve({ listeners: [{ port: 1 }], pools: {} }));
slowStart({ over: p2c({ choices: 3 }) });
// A combinator is what it wraps.
void (fallback({ over: [p2c(), ring()] }) satisfies StrategyUse<'any', 'hash' | 'load'>);
void (slowStart({ over: fallback({ over: [p2c(), p2c()] }) }) satisfies StrategyUse<'any', 'load'>);
void (slowStart({ over: sticky({ over: p2c() }) }) satisfies StrategyUse<'http', 'load'>);
void defineConfig({ listeners: [{ port: 1, protocol: 'tcp', pool: 'db' }], pools: { db: { protocol: 'tcp', backends: [], strategy: fallback({ over: [p2c(), ring()] }) } } });
// A key that is a part of requests makes its strategy an http one; an address, or what a function makes of any exchange, does not.
void (keyed() satisfies StrategyUse<'any', 'hash'>);
void (keyed({ size: 2 }) satisfies StrategyUse<'any', 'hash'>);
void (keyed({ key: 'address' }) satisfies StrategyUse<'any', 'hash'>);
void (keyed({ key: ({ request, clientAddress }) => request?.path ?? clientAddress }) satisfies StrategyUse<'any', 'hash'>);
void (keyed({ key: [({ request }) => request?.header('x'), 'address'] }) satisfies StrategyUse<'any', 'hash'>);
void (keyed({ key: [{ cookie: 'c' }, 'address'] }) satisfies StrategyUse<'http', 'hash'>);
void (bounded({ over: keyed() }) satisfies StrategyUse<'any', 'hash'>);
void (bounded({ over: keyed({ key: 'path' }) }) satisfies StrategyUse<'http', 'hash'>);
void defineConfig({ listeners: [{ port: 1, protocol: 'tcp', pool: 'db' }], pools: { db: { protocol: 'tcp', backends: [], strategy: bounded({ over: keyed() }) } } });
void defineConfig({ listeners: [{ port: 1 }], pools: { web: { backends: [], strategy: bounded({ over: keyed({ key: { query: 'id' }, size: 3 }) }) } } });

const listeners = [{ port: 1, name: 'public' }] as const;
const pools = { web: { backends: [] }, db: { protocol: 'tcp', backends: [] } } as const;

// What the lines below are made of is right by itself.
void defineConfig({ listeners, pools, routes: [{ pool: 'web', listeners: ['public'] }] });

// References.
// @ts-expect-error there is no pool 'wep'
void defineConfig({ listeners, pools, routes: [{ pool: 'wep' }] });
// @ts-expect-error nor for a listener
void defineConfig({ listeners: [{ port: 1, pool: 'wep' }], pools });
// @ts-expect-error there is no listener 'publik'
void defineConfig({ listeners: [{ port: 1, name: 'public' }], pools, routes: [{ pool: 'web', listeners: ['publik'] }] });

// Keys and values.
// @ts-expect-error a port is a number
void defineConfig({ listeners: [{ port: '80' }], pools });
// @ts-expect-error a listener needs a port
void defineConfig({ listeners: [{ name: 'a' }], pools });
// @ts-expect-error no such option
void defineConfig({ listeners: [{ port: 1, prot: 'http' }], pools });
// @ts-expect-error a tcp listener has no limits of heads
void defineConfig({ listeners: [{ port: 1, protocol: 'tcp', pool: 'db', limits: { maxHeaders: 1 } }], pools });
// @ts-expect-error a tcp listener needs a pool
void defineConfig({ listeners: [{ port: 1, protocol: 'tcp' }], pools });
// @ts-expect-error https is no protocol
void defineConfig({ listeners: [{ port: 1, protocol: 'https' }], pools });
// @ts-expect-error a level that is none
void defineConfig({ listeners, pools, log: { level: 'warning' } });
// @ts-expect-error weights are numbers
void defineConfig({ listeners, pools: { web: { backends: [{ url: 'http://a', weight: '2' }] } } });

// Plugins in their places.
// @ts-expect-error an http strategy in a tcp pool
void defineConfig({ listeners, pools: { db: { protocol: 'tcp', backends: [], strategy: byHeader({ header: 'x' }) } } });
// @ts-expect-error a factory, not its call
void defineConfig({ listeners, pools: { web: { backends: [], strategy: p2c } } });
// @ts-expect-error a health check is no strategy
void defineConfig({ listeners, pools: { web: { backends: [], strategy: check() } } });
// @ts-expect-error a strategy is no plugin
void defineConfig({ listeners, pools, plugins: [p2c()] });
// @ts-expect-error slow start over a hash
slowStart({ over: ring() });

// Options.
// @ts-expect-error header is required
byHeader();
// @ts-expect-error header is required
byHeader({});
// @ts-expect-error choices is a number
p2c({ choices: 'two' });
// @ts-expect-error no such option
p2c({ choice: 2 });
// @ts-expect-error one of the modes
filter({ mode: 'medium' });

// Definitions.
// @ts-expect-error an optional option needs a default in its schema
defineStrategy<{ a?: number }>({ name: 'x', options: { a: { type: 'integer' } }, create: idle });
// @ts-expect-error a required one must have none
defineStrategy<{ a: number }>({ name: 'x', options: { a: { type: 'integer', default: 1 } }, create: idle });
// @ts-expect-error a schema of another type
defineStrategy<{ a: number }>({ name: 'x', options: { a: { type: 'string' } }, create: idle });
// @ts-expect-error an option without schema
defineStrategy<{ a: number; b: number }>({ name: 'x', options: { a: { type: 'integer' } }, create: idle });
// @ts-expect-error null in the type needs nullable
definePlugin<{ a?: string | null }>({ name: 'x', options: { a: { type: 'string', default: null } }, setup: () => {} });
// @ts-expect-error a value that the type does not have
definePlugin<{ a: 'x' | 'y' }>({ name: 'x', options: { a: { type: 'string', enum: ['x', 'z'] } }, setup: () => {} });
// @ts-expect-error select gives a backend or undefined
defineStrategy<{}>({ name: 'x', options: {}, create: () => ({ update: () => {}, select: () => 5 }) });
// @ts-expect-error a strategy for any protocol cannot read the request without asking
defineStrategy<{}>({ name: 'x', options: {}, create: () => ({ update: () => {}, select: (exchange) => (exchange.request.method === 'GET' ? undefined : undefined) }) });

// Combinations that make no sense.
// @ts-expect-error slow start over a hash
slowStart({ over: ring() });
// @ts-expect-error nor where one is inside
slowStart({ over: sticky({ over: fallback({ over: [p2c(), ring()] }) }) });
// @ts-expect-error a tcp pool has no requests for the inner strategy to read
void defineConfig({ listeners, pools: { web: { backends: [] }, db: { protocol: 'tcp', backends: [], strategy: fallback({ over: [byHeader({ header: 'x' })] }) } } });
// @ts-expect-error nor for its key: a path
void defineConfig({ listeners, pools: { web: { backends: [] }, db: { protocol: 'tcp', backends: [], strategy: keyed({ key: 'path' }) } } });
// @ts-expect-error a header
void defineConfig({ listeners, pools: { web: { backends: [] }, db: { protocol: 'tcp', backends: [], strategy: keyed({ key: { header: 'x' } }) } } });
// @ts-expect-error one of several, inside another strategy
void defineConfig({ listeners, pools: { web: { backends: [] }, db: { protocol: 'tcp', backends: [], strategy: bounded({ over: keyed({ key: [{ cookie: 'c' }, 'address'] }) }) } } });
// @ts-expect-error the function of a key may meet an exchange without a request
keyed({ key: ({ request }) => request.path });
// @ts-expect-error no such part
keyed({ key: 'user' });
// @ts-expect-error nor such
keyed({ key: { heder: 'x' } });
// @ts-expect-error no such option, beside a key too
keyed({ key: { header: 'x' }, sise: 2 });
// @ts-expect-error slow start over a hash that is bounded
slowStart({ over: bounded({ over: keyed() }) });
// @ts-expect-error bounded loads over what is no hash
bounded({ over: p2c() });
// @ts-expect-error no such option, around a strategy too
fallback({ over: [p2c()], afer: 3 });
// @ts-expect-error the schema says which kinds are allowed
defineStrategy<{ over: StrategyUse<'any', 'load'> }>({ name: 'bare', options: { over: { type: 'strategy' } }, create: idle });

/** A plugin that writes to what it was given, adds to it, or deletes from it: it throws, and nobody else's request is changed by it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { definePlugin, defineStrategy, type Backend, type Exchange, type Host, type HttpExchange, type Lease, type Member, type Outcome, type PoolView, type ResponseHead, type Result } from '@steelyard/sdk';
import { ask, plugin, type Rig, startRig, type Witness, witness } from './rig.ts';

/** What it is given, as JavaScript sees it. */
type Loose = Record<string, never>;
const loose = (given: unknown): Record<string, unknown> => given as Loose;
interface Given {
  exchange: Exchange;
  pool: PoolView;
  backend: Backend;
  members: readonly Member[];
  head: ResponseHead;
  lease: Lease;
  outcome: Outcome;
  result: Result;
}
/** Where it is given, what is written there, and how. Each of them throws a TypeError in the plugin. */
const WRITES: [keyof Given, string, (given: never) => unknown][] = [
  ...(['id', 'connection', 'clientAddress', 'attempts', 'startedAt', 'protocol', 'request', 'route'] as const).map((name): [keyof Given, string, (given: never) => unknown] => ['exchange', `sets ${name}`, (exchange) => void (loose(exchange)[name] = undefined)]),
  ['exchange', 'keeps something in it', (exchange) => void (loose(exchange)['user'] = 'alice')],
  ['backend', 'deletes a label', (backend) => delete loose((backend as Backend).labels)['a']],
  ['exchange', 'puts another prototype under it', (exchange) => Object.setPrototypeOf(exchange, null)],
  ...(['method', 'target', 'path', 'query', 'host', 'version'] as const).map((name): [keyof Given, string, (given: never) => unknown] => ['exchange', `sets request.${name}`, (exchange) => void (loose((exchange as HttpExchange).request)[name] = 'x')]),
  ['exchange', 'keeps something in its request', (exchange) => void (loose((exchange as HttpExchange).request)['user'] = 'alice')],
  ['exchange', 'sets route.pool', (exchange) => void (loose((exchange as HttpExchange).route)['pool'] = 'other')],
  ...(['id', 'listener', 'remoteAddress', 'remotePort', 'localAddress', 'localPort', 'openedAt'] as const).map((name): [keyof Given, string, (given: never) => unknown] => ['exchange', `sets connection.${name}`, (exchange) => void (loose((exchange as Exchange).connection)[name] = 7)]),
  ...(['id', 'pool', 'url', 'host', 'port', 'address', 'weight', 'labels', 'zone', 'priority', 'maxInFlight', 'inFlight', 'health', 'draining', 'extra'] as const).map((name): [keyof Given, string, (given: never) => unknown] => ['backend', `sets ${name}`, (backend) => void (loose(backend)[name] = 7)]),
  ['backend', 'sets a label', (backend) => void (loose((backend as Backend).labels)['a'] = 'b')],
  ['pool', 'sets isAvailable', (pool) => void (loose(pool)['isAvailable'] = () => true)],
  ['pool', 'sets name', (pool) => void (loose(pool)['name'] = 'other')],
  ['pool', 'sorts its backends', (pool) => (pool as { backends: Backend[] }).backends.sort(() => -1)],
  ['pool', 'empties its backends', (pool) => void ((pool as { backends: Backend[] }).backends.length = 0)],
  ['members', 'sorts them', (members) => (members as Member[]).sort(() => -1)],
  ['members', 'takes one away', (members) => (members as Member[]).pop()],
  ['members', 'sets a weight', (members) => void (loose((members as Member[])[0])['weight'] = 0)],
  ['head', 'sets status', (head) => void (loose(head)['status'] = 200)],
  ['head', 'keeps something in it', (head) => void (loose(head)['user'] = 'alice')],
  ...(['slot', 'backend', 'exchange', 'startedAt', 'extra'] as const).map((name): [keyof Given, string, (given: never) => unknown] => ['lease', `sets ${name}`, (lease) => void (loose(lease)[name] = undefined)]),
];

/** What it writes in its hook now. */
let write: { where: keyof Given; how: (given: never) => unknown } | undefined;
let thrown: unknown;
function give(where: keyof Given, given: unknown): void {
  if (write?.where !== where) return;
  const { how } = write;
  write = undefined;
  try {
    how(given as never);
  } catch (error) {
    thrown = error;
    throw error;
  }
}

let rig: Rig;
let origins: Witness[];
beforeAll(async () => {
  origins = [await witness('a'), await witness('b')];
  const vandal = (host: Host): void => {
    host.hooks.onRequest.tap((exchange) => give('exchange', exchange));
    host.hooks.selectBackend.tap((_exchange, pool) => {
      give('pool', pool);
      give('backend', pool.backends[0]);
    });
    host.hooks.onResponseHead.tap((_exchange, head) => give('head', head));
  };
  const strategy = defineStrategy<{}>({ name: 'vandal-strategy', options: {}, create: () => {
    let members: readonly Member[] = [];
    return { update: (given) => void (members = given), select: (_exchange, pool) => (give('members', members), pool.backends[0]), onStart: (lease) => give('lease', lease) };
  } });
  rig = await startRig({
    pools: { web: { backends: [{ url: origins[0]!.url, labels: { a: 'a' } }, origins[1]!.url], strategy: strategy() } },
    routes: [{ pool: 'web', plugins: [plugin('vandal', vandal, 'open')] }],
  });
});
afterAll(async () => {
  await rig.stop();
  for (const origin of origins) await origin.close();
});

describe('a plugin that', () => {
  it.each(WRITES.map(([where, name, how]): [string, string, keyof Given, (given: never) => unknown] => [where, name, where, how]))('is given %s and %s throws, and the request is served', async (_given, _name, where, how) => {
    thrown = undefined;
    write = { where, how };
    expect((await ask(rig.port())).status).toBe(200);
    expect(thrown).toBeInstanceOf(TypeError);
    // The next ones find all as it was. Two of them: less than half of the calls fail, so nobody is in quarantine.
    expect([(await ask(rig.port())).body, (await ask(rig.port())).body]).toEqual(['a', 'a']);
  });
});

describe('what a plugin writes to an outcome or a result', () => {
  it('stays among the plugins: the core has counted before', async () => {
    let told: unknown;
    const origin = await witness();
    const own = await startRig({
      pools: { web: { backends: [origin.url] } }, routes: [{ name: 'page', pool: 'web' }],
      plugins: [definePlugin<{}>({ name: 'forger', options: {}, setup: (_options, { hooks }) => {
        hooks.onAttempt.tap((_exchange, _backend, outcome) => void Object.assign(outcome, { durationMs: Number.NaN, kind: 'failed' }));
        hooks.onResponse.tap((_exchange, result) => void Object.assign(result, { durationMs: Number.NaN, status: 999 }));
      } })(), plugin('reader', ({ hooks }) => hooks.onResponse.tap((_exchange, { status }) => void (told = status)))],
    });
    await ask(own.port());
    const families = await own.families();
    expect(JSON.stringify(families)).toContain('"outcome":"answered"},"value":1');
    expect(JSON.stringify(families)).not.toContain('null');
    expect(told).toBe(999);
    await own.stop();
    await origin.close();
  });
});

describe('options', () => {
  it('are the plugin\'s own copy, and frozen: neither it nor who wrote the config changes them afterwards', async () => {
    const given = { names: ['a'], deep: { b: 1 } };
    let seen: typeof given | undefined;
    let error: unknown;
    const reader = definePlugin<typeof given>({
      name: 'reader', options: { names: { type: 'array', items: { type: 'string' } }, deep: { type: 'object', properties: { b: { type: 'integer' } } } },
      setup(options) {
        seen = options;
        try {
          seen.names.push('b');
        } catch (thrownHere) {
          error = thrownHere;
        }
      },
    });
    const own = await startRig({ pools: { web: { backends: [origins[0]!.url] } }, routes: [{ pool: 'web' }], plugins: [reader(given)] });
    given.names.push('c');
    given.deep.b = 2;
    expect(error).toBeInstanceOf(TypeError);
    expect(seen).toEqual({ names: ['a'], deep: { b: 1 } });
    await own.stop();
  });
});

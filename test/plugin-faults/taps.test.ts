/**
 * Every hook that a request passes × every misdeed, over real sockets. Each case is a route of its own, with a witness before and a witness
 * behind the bad plugin; eleven requests: ten fail in a row, and the eleventh finds the tap in quarantine, but for closed ones.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyUse, Backend, Config, Host, HttpExchange, OnFailure, ResponseHead } from '@steelyard/sdk';
import { FAILURES_IN_A_ROW } from '../../core/src/plugins/quarantine.ts';
import { NONSENSE, PROMISES, RECURSION, THROWN, thrower, TRAPS } from './misdeeds.ts';
import { ask, plugin, type Reply, type Rig, startRig, type Witness, witness } from './rig.ts';

interface Case {
  readonly name: string;
  readonly hook: 'onRequest' | 'selectBackend' | 'onResponseHead' | 'onAttempt' | 'onResponse';
  readonly isAsync?: boolean;
  readonly onFailure: OnFailure;
  readonly fn: () => unknown;
  /** Nonsense is none in hooks whose result means nothing. */
  readonly fails: boolean;
  readonly id: string;
}

const cases: Case[] = [];
function add(one: Omit<Case, 'id'>): void {
  cases.push({ ...one, id: `bad-${cases.length}` });
}

const BAD_ANSWERS: readonly [string, () => unknown][] = [
  ['answers with status 99', () => ({ respond: { status: 99 } })],
  ['answers with status NaN', () => ({ respond: { status: Number.NaN } })],
  ['answers with a body that only looks like bytes', () => ({ respond: { status: 200, body: Object.create(Uint8Array.prototype) as unknown } })],
  ['answers with a body that is a Proxy', () => ({ respond: { status: 200, body: new Proxy(new Uint8Array(4), {}) } })],
  ['answers with a body that is a number', () => ({ respond: { status: 200, body: 4 } })],
  ['answers with headers that are a Map', () => ({ respond: { status: 200, headers: new Map([['x-a', 'b']]) } })],
  ['answers with headers that are a list', () => ({ respond: { status: 200, headers: [['x-a', 'b']] } })],
  ['answers with a header that ends the head', () => ({ respond: { status: 200, headers: { 'x-a': 'b\r\n\r\nHTTP/1.1 200 OK' } } })],
  ['answers with Content-Length', () => ({ respond: { status: 200, headers: { 'content-length': '5' }, body: 'x' } })],
  ['answers with a promise', () => ({ respond: Promise.reject(new Error('respond')) })],
  ['answers with a body that is a promise', () => ({ respond: { status: 200, body: Promise.reject(new Error('body')) } })],
  ['answers through getters that throw', () => ({ get respond(): never { throw new Error('getter'); } })],
  ['names a pool that is not there', () => ({ pool: 'nowhere' })],
  ['names a pool of TCP', () => ({ pool: 'raw' })],
  ['names a pool by an object', () => ({ pool: { toString: () => 'other' } })],
];
const BAD_PICKS: readonly [string, (exchange: unknown, pool: { backends: readonly Backend[] }) => unknown][] = [
  ['picks a backend of another pool', () => foreign],
  ['picks one that drains', (_exchange, pool) => pool.backends[1]],
  ['picks a copy of a backend', (_exchange, pool) => ({ ...pool.backends[0] })],
  ['picks an heir of a backend', (_exchange, pool) => Object.create(pool.backends[0]!)],
  ['picks a Proxy of a backend', (_exchange, pool) => new Proxy(pool.backends[0]!, {})],
  ['picks by id', (_exchange, pool) => pool.backends[0]!.id],
];
let foreign: Backend | undefined;

const SYNC_FAULTS: readonly [string, () => unknown, 'always' | 'where results mean something'][] = [
  ...THROWN.map((one) => [`throws ${one.does}`, thrower(one), 'always'] as const),
  ['recurses without end', RECURSION, 'always'],
  ...PROMISES.map(({ does, make }) => [`returns ${does}`, make, 'always'] as const),
  ...TRAPS.map(({ does, make }) => [`returns ${does}`, make, 'always'] as const),
  ...NONSENSE.map(({ does, make }) => [`returns ${does}`, make, 'where results mean something'] as const),
].map(([name, fn, when]) => [name, fn, when] as [string, () => unknown, 'always' | 'where results mean something']);

for (const onFailure of ['closed', 'open'] as const) {
  for (const [name, fn] of [...SYNC_FAULTS, ...BAD_ANSWERS]) add({ name, fn, hook: 'onRequest', onFailure, fails: true });
  const rejecting = THROWN.map((one) => [`rejects with ${one.does}`, async () => thrower(one)()] as const);
  const resolving = [...NONSENSE, ...TRAPS].map(({ does, make }) => [`resolves with ${does}`, async () => make()] as const);
  const noPromises = [...THROWN.slice(0, 3).map((one) => [`throws ${one.does} in place of a promise`, thrower(one)] as const), ...NONSENSE.map(({ does, make }) => [`returns ${does} in place of a promise`, make] as const)];
  const answering = BAD_ANSWERS.map(([name, fn]) => [`${name}, later`, async () => fn()] as const);
  const odd = PROMISES.filter(({ does }) => does.includes('throws') || does.includes('rejects')).map(({ does, make }) => [`gives ${does}`, make] as const)
    // `await` looks at neither the `then` of a promise of the engine's, nor, if it is one, at its constructor's.
    .filter(([name]) => !name.includes('own `then`'));
  for (const [name, fn] of [...rejecting, ...resolving, ...noPromises, ...answering, ...odd]) add({ name, fn, hook: 'onRequest', isAsync: true, onFailure, fails: true });
  add({ name: 'never settles', fn: () => new Promise(() => {}), hook: 'onRequest', isAsync: true, onFailure, fails: true });
}
for (const [name, fn] of [...SYNC_FAULTS, ...BAD_PICKS]) add({ name, fn: fn as () => unknown, hook: 'selectBackend', onFailure: 'closed', fails: true });
for (const hook of ['onResponseHead', 'onAttempt', 'onResponse'] as const) {
  for (const [name, fn, when] of SYNC_FAULTS) add({ name, fn, hook, onFailure: 'closed', fails: when === 'always' });
}

const calls = new Map<string, number>();
const heard = new Map<string, number>();

function tap({ id, hook, isAsync, fn }: Case, host: Host): void {
  const misbehave = (...args: unknown[]): never => {
    calls.set(id, (calls.get(id) ?? 0) + 1);
    // What it does before it fails must not count.
    if (hook === 'onRequest') (args[0] as HttpExchange).request.setHeader('x-evil', '1');
    if (hook === 'onResponseHead') (args[1] as ResponseHead).setHeader('x-evil', '1');
    return (fn as (...given: unknown[]) => never)(...args);
  };
  if (isAsync) host.hooks.onRequest.tapPromise(misbehave, { timeLimitMs: 15 });
  else (host.hooks[hook] as { tap(fn: () => unknown): void }).tap(misbehave);
}

function pluginsOf(one: Case): AnyUse[] {
  const note = (): void => void heard.set(one.id, (heard.get(one.id) ?? 0) + 1);
  return [
    plugin(one.id, (host) => tap(one, host), one.onFailure),
    plugin(`${one.id}-next`, (host) => {
      if (one.hook === 'selectBackend') host.hooks.selectBackend.tap(() =>  note());
      else (host.hooks[one.hook] as { tap(fn: () => void): void }).tap(note);
    }),
  ];
}

let rig: Rig;
let origin: Witness;
beforeAll(async () => {
  origin = await witness();
  const routes = cases.map((one) => ({ name: one.id, match: { path: `/${one.id}` }, pool: 'web', plugins: pluginsOf(one) }));
  rig = await startRig({
    pools: {
      web: { backends: [origin.url, { url: 'http://127.0.0.1:9', drain: true }] },
      other: { backends: [origin.url] },
      raw: { protocol: 'tcp', backends: [origin.url.replace('http', 'tcp')] },
    },
    routes: [
      ...routes,
      { name: 'see', match: { path: '/see' }, pool: 'other', plugins: [plugin('see', ({ hooks }) => hooks.selectBackend.tap((_exchange, pool) => void (foreign = pool.backends[0])))] },
      { name: 'good', pool: 'web' },
    ] as Config['routes'] & object,
  });
  await ask(rig.port(), '/see');
});
afterAll(async () => {
  await rig.stop();
  await origin.close();
});

async function askTimes(path: string, times: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let i = 0; i < times; i++) replies.push(await ask(rig.port(), path));
  return replies;
}

const titles = (some: readonly Case[]): [string, Case][] => some.map((one) => [one.name, one]);
const inHook = (hook: Case['hook'], isAsync: boolean, onFailure: OnFailure): [string, Case][] => titles(cases.filter((one) => one.hook === hook && (one.isAsync ?? false) === isAsync && one.onFailure === onFailure));

async function ofCase(one: Case): Promise<{ replies: Reply[]; seen: Witness['seen'] }> {
  const replies = await askTimes(`/${one.id}`, FAILURES_IN_A_ROW + 1);
  const seen = origin.seen.filter(({ url }) => url === `/${one.id}`);
  // A closed one that refuses by failing is asked each time: shut out, it would refuse everybody's requests for the sake of some.
  const isShut = one.fails && (one.hook !== 'onRequest' || one.onFailure === 'open' || one.name === 'never settles');
  const failures = FAILURES_IN_A_ROW + (isShut ? 0 : 1);
  expect([await rig.failures(one.id, one.hook), await rig.shut(one.id, one.hook)]).toEqual([one.fails ? failures : 0, isShut ? 1 : 0]);
  // In quarantine it is not called.
  expect(calls.get(one.id)).toBe(failures);
  expect((await ask(rig.port(), '/good')).status).toBe(200);
  return { replies, seen };
}
const statuses = (replies: readonly Reply[]): number[] => [...new Set(replies.map(({ status }) => status))];

describe.each([['at once', false], ['later', true]] as const)('onRequest, %s, of a closed plugin that', (_when, isAsync) => {
  it.each(inHook('onRequest', isAsync, 'closed'))('%s: 503, and no backend hears of it', async (_name, one) => {
    const { replies, seen } = await ofCase(one);
    expect(statuses(replies)).toEqual([503]);
    expect(seen).toEqual([]);
    expect(heard.get(one.id)).toBeUndefined();
  });
});

describe.each([['at once', false], ['later', true]] as const)('onRequest, %s, of an open plugin that', (_when, isAsync) => {
  it.each(inHook('onRequest', isAsync, 'open'))('%s: as if it had no opinion, and without its edits', async (_name, one) => {
    const { replies, seen } = await ofCase(one);
    expect(statuses(replies)).toEqual([200]);
    expect(seen.map(({ headers }) => headers['x-evil'])).toEqual(replies.map(() => undefined));
    expect(heard.get(one.id)).toBe(replies.length);
  });
});

describe('selectBackend of a plugin that', () => {
  it.each(inHook('selectBackend', false, 'closed'))('%s: the next one is asked, then the strategy, then the core', async (_name, one) => {
    const { replies, seen } = await ofCase(one);
    expect(statuses(replies)).toEqual([200]);
    expect([seen.length, heard.get(one.id)]).toEqual([replies.length, replies.length]);
  });
});

describe.each(['onResponseHead', 'onAttempt', 'onResponse'] as const)('%s of a plugin that', (hook) => {
  it.each(inHook(hook, false, 'closed'))('%s: the response is not touched, and the next one hears of it', async (_name, one) => {
    const { replies } = await ofCase(one);
    expect(statuses(replies)).toEqual([200]);
    expect(new Set(replies.map(({ body }) => body))).toEqual(new Set(['origin']));
    if (one.fails) expect(replies.map(({ headers }) => headers['x-evil'])).toEqual(replies.map(() => undefined));
    expect(heard.get(one.id)).toBe(replies.length);
  });
});

/** DESIGN §3, "When a tap fails": each way to fail, in each hook. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backend, Hooks, OnFailure } from '@steelyard/sdk';
import { backend, CHANGE, CONFIG, CONNECTION, EXCHANGE, FakeExchange, JournalHead, OUTCOME, poolOf, RESULT, verdictOf, World } from './world.ts';

const a = backend('a');
const b = backend('b');
const boom = (): never => {
  throw new Error('boom');
};
const rejecting = (): Promise<never> => Promise.reject(new Error('late boom'));

let world: World;
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  world = new World();
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  // Unhandled rejections are told after the microtasks: one turn of the loop is enough.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

function face(name = 'broken', onFailure: OnFailure = 'closed'): Hooks {
  return world.registry.face(world.plugin(name, onFailure), CONFIG);
}
const failures = (hook: string): number => world.count('steelyard_plugin_failures_total', 'broken', hook);

/** Taps one hook by a failing function between two good ones, calls it once, and tells who was heard. */
const NOTICES = {
  onAttempt: (taps: (() => unknown)[]) => {
    for (const [index, fn] of taps.entries()) face(index === 1 ? 'broken' : 'good').onAttempt.tap(fn);
    world.compile().onAttempt!.call(EXCHANGE, a, OUTCOME);
  },
  onResponse: (taps: (() => unknown)[]) => {
    for (const [index, fn] of taps.entries()) face(index === 1 ? 'broken' : 'good').onResponse.tap(fn);
    world.compile().onResponse!.call(EXCHANGE, RESULT);
  },
  onHealthChange: (taps: (() => unknown)[]) => {
    for (const [index, fn] of taps.entries()) face(index === 1 ? 'broken' : 'good').onHealthChange.tap(fn);
    world.compile().onHealthChange!.call(CHANGE);
  },
  onResponseHead: (taps: (() => unknown)[]) => {
    for (const [index, fn] of taps.entries()) face(index === 1 ? 'broken' : 'good').onResponseHead.tap(fn);
    world.compile().onResponseHead!.call(new FakeExchange().asHttp(), new JournalHead().asResponse());
  },
};

describe.each(Object.entries(NOTICES))('%s', (hook, callWith) => {
  it.each([['throws', boom], ['returns a promise that rejects', rejecting], ['returns a promise', () => Promise.resolve()]])('goes on behind a tap that %s, and counts it once', (_how, bad) => {
    const heard: string[] = [];
    callWith([() => void heard.push('first'), bad, () => void heard.push('last')]);
    expect(heard).toEqual(['first', 'last']);
    expect(failures(hook)).toBe(1);
    expect(world.lines).toMatchObject([{ plugin: 'broken', hook, code: 'ERR_PLUGIN_TAP' }]);
  });
  it('takes a returned value that is no promise for nothing', () => {
    callWith([() => undefined, () => 7]);
    expect(failures(hook)).toBe(0);
  });
});

describe('arguments', () => {
  it('reach a tap as the hook has them, no more', () => {
    const seen: unknown[][] = [];
    face().onResponse.tap((...args) => void seen.push(args));
    face().onAttempt.tap((...args) => void seen.push(args));
    world.compile().onResponse!.call(EXCHANGE, RESULT);
    world.compile().onAttempt!.call(EXCHANGE, a, OUTCOME);
    expect(seen).toEqual([[EXCHANGE, RESULT], [EXCHANGE, a, OUTCOME]]);
  });
});

describe('onResponseHead', () => {
  it('takes back the edits of a failing tap, and only those', () => {
    face('good').onResponseHead.tap((_exchange, head) => head.setHeader('x-first', '1'));
    face().onResponseHead.tap((_exchange, head) => {
      head.setHeader('x-broken', '1');
      boom();
    });
    face('good').onResponseHead.tap((_exchange, head) => head.setHeader('x-last', '1'));
    const head = new JournalHead();
    world.compile().onResponseHead!.call(new FakeExchange().asHttp(), head.asResponse());
    expect(head.edits).toEqual([['x-first', '1'], ['x-last', '1']]);
  });
});

describe('selectBackend', () => {
  const pick = (bad: () => unknown, pool = poolOf([a, b])): Backend | undefined => {
    face().selectBackend.tap(bad as () => Backend);
    face('good').selectBackend.tap(() => b);
    return world.compile().selectBackend!.call(EXCHANGE, pool);
  };
  it.each([
    ['throws', boom],
    ['returns a promise', () => Promise.resolve(a)],
    ['returns a promise that rejects', rejecting],
    ['returns null', () => null],
    ['returns an id', () => 'a'],
    ['returns a backend of its own making', () => backend('a')],
  ])('has no opinion from a tap that %s, and asks the next', (_how, bad) => {
    expect(pick(bad)).toBe(b);
    expect(failures('selectBackend')).toBe(1);
  });
  it('counts a pick that is unavailable against the plugin, and asks the next', () => {
    expect(pick(() => a, poolOf([a, b], [a]))).toBe(b);
    expect(failures('selectBackend')).toBe(1);
    expect(world.lines[0]!['error']).toMatch(/picked a, which is not available in pool web/);
  });
  it('asks the pool about a pick once', () => {
    const pool = poolOf([a, b]);
    const isAvailable = vi.spyOn(pool, 'isAvailable');
    expect(pick(() => a, pool)).toBe(a);
    expect(isAvailable).toHaveBeenCalledTimes(1);
  });
  it('lets the first pick win', () => {
    const later = vi.fn(() => b);
    face().selectBackend.tap(() => a);
    face().selectBackend.tap(later);
    expect(world.compile().selectBackend!.call(EXCHANGE, poolOf([a, b]))).toBe(a);
    expect(later).not.toHaveBeenCalled();
  });
});

const BAD_CONNECT: [string, () => unknown][] = [
  ['throws', boom], ['returns a promise', () => Promise.resolve()], ['returns a promise that rejects', rejecting],
  ['returns nonsense', () => true], ['gives a reason that is no string', () => ({ refuse: 7 })],
];

describe('onConnect', () => {
  it.each(BAD_CONNECT)('refuses for a closed plugin whose tap %s', async (_how, bad) => {
    const later = vi.fn();
    face().onConnect.tap(bad as () => undefined);
    face('good').onConnect.tap(later);
    expect(await verdictOf(world.compile().onConnect, CONNECTION)).toEqual({ refuse: 'plugin broken failed', code: 'ERR_PLUGIN_TAP' });
    expect(later).not.toHaveBeenCalled();
    expect(failures('onConnect')).toBe(1);
  });
  it.each(BAD_CONNECT)('asks the next tap for an open plugin whose tap %s', async (_how, bad) => {
    face('broken', 'open').onConnect.tap(bad as () => undefined);
    face('good').onConnect.tap(() => ({ refuse: 'deny-list' }));
    expect(await verdictOf(world.compile().onConnect, CONNECTION)).toEqual({ refuse: 'deny-list' });
    expect(failures('onConnect')).toBe(1);
  });
});

const BAD_REQUEST: [string, () => unknown][] = [
  ['throws', boom],
  ['returns a promise', () => Promise.resolve()],
  ['returns a promise that rejects', rejecting],
  ['returns nonsense', () => 'canary'],
  ['returns null', () => null],
  ['names a pool that is not there', () => ({ pool: 'nowhere' })],
  ['answers without a status', () => ({ respond: {} })],
  ['answers with status 101', () => ({ respond: { status: 101 } })],
  ['answers with status 200.5', () => ({ respond: { status: 200.5 } })],
  ['answers with a body that is an object', () => ({ respond: { status: 200, body: { ok: true } } })],
  ['answers with a split header', () => ({ respond: { status: 200, headers: { 'x-a': 'b\r\nset-cookie: c' } } })],
  ['answers with a bad header name', () => ({ respond: { status: 200, headers: { 'x a': 'b' } } })],
  ['answers with framing', () => ({ respond: { status: 200, headers: { 'Content-Length': '7' } } })],
  ['answers with a header that is a number', () => ({ respond: { status: 200, headers: { 'x-a': [1] } } })],
];

describe('onRequest', () => {
  it.each(BAD_REQUEST)('answers 503 for a closed plugin whose tap %s', async (_how, bad) => {
    face().onRequest.tap(bad as () => undefined);
    const verdict = await verdictOf(world.compile().onRequest, new FakeExchange().asHttp());
    expect(verdict).toMatchObject({ respond: { status: 503 }, code: 'ERR_PLUGIN_TAP' });
    expect(JSON.stringify(verdict)).not.toContain('broken');
    expect(failures('onRequest')).toBe(1);
  });
  it.each(BAD_REQUEST)('asks the next tap for an open plugin whose tap %s', async (_how, bad) => {
    face('broken', 'open').onRequest.tap(bad as () => undefined);
    face('good').onRequest.tap(() => ({ respond: { status: 418 } }));
    expect(await verdictOf(world.compile().onRequest, new FakeExchange().asHttp())).toEqual({ respond: { status: 418 } });
  });
  it('takes back the edits of a failing tap, and only those', async () => {
    face('good').onRequest.tap(({ request }) => request.setHeader('x-first', '1'));
    face('broken', 'open').onRequest.tap(({ request }) => {
      request.setHeader('x-user', 'alice');
      boom();
    });
    face('good').onRequest.tap(({ request }) => request.setHeader('x-last', '1'));
    const exchange = new FakeExchange();
    await verdictOf(world.compile().onRequest, exchange.asHttp());
    expect(exchange.request.edits).toEqual([['x-first', '1'], ['x-last', '1']]);
  });
  it('goes on behind { pool }, so that a filter behind a canary filters; the first pool counts', async () => {
    face().onRequest.tap(() => ({ pool: 'canary' }));
    face().onRequest.tap(() => ({ pool: 'other' }));
    face().onRequest.tap(() => ({ respond: { status: 403, headers: { 'x-a': ['b', 'c'] }, body: new Uint8Array(2) } }));
    const exchange = new FakeExchange();
    expect(await verdictOf(world.compile().onRequest, exchange.asHttp())).toMatchObject({ respond: { status: 403 } });
    expect(exchange.redirectedTo).toBe('canary');
    expect(failures('onRequest')).toBe(0);
  });
  it('answers in the same turn when every tap does: no promise is made', () => {
    face().onRequest.tap(() => undefined);
    const done = vi.fn();
    world.compile().onRequest!.callAsync(new FakeExchange().asHttp(), done);
    expect(done).toHaveBeenCalledExactlyOnceWith(null, undefined);
  });
});

describe('the log', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  it('has one line per second for a plugin and hook, with the number of those left out', () => {
    // Two taps of one plugin share the limit; it fails every 100 ms for 1.5 s.
    face().onResponse.tap(boom);
    const hook = world.compile().onResponse!;
    for (let i = 0; i < 9; i++) {
      hook.call(EXCHANGE, RESULT);
      vi.advanceTimersByTime(100);
    }
    expect(world.lines).toHaveLength(1);
    expect(world.lines[0]).toMatchObject({ plugin: 'broken', hook: 'onResponse', place: 'the config', error: 'boom', msg: 'plugin broken failed in onResponse' });
    expect(world.lines[0]!['stack']).toContain('failures.test.ts');
    vi.advanceTimersByTime(100);
    face('broken', 'open').onResponse.tap(boom);
    world.compile().onResponse!.call(EXCHANGE, RESULT);
    expect(world.lines.filter(({ code }) => code === 'ERR_PLUGIN_TAP')[1]).toMatchObject({ suppressed: 8 });
    expect(failures('onResponse')).toBe(11);
  });
});

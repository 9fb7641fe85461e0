/** Taps that wait: their time limit, exact to the millisecond in virtual time, and what comes too late. */
import { access } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hooks, OnFailure, RequestDecision } from '@steelyard/sdk';
import { TimeLimits } from '../../core/src/plugins/time-limits.ts';
import { CONFIG, CONNECTION, FakeExchange, verdictOf, World } from './world.ts';

let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});
afterEach(() => vi.useRealTimers());

function face(name = 'slow', onFailure: OnFailure = 'closed'): Hooks {
  return world.registry.face(world.plugin(name, onFailure), CONFIG);
}
const failures = (): number => world.count('steelyard_plugin_failures_total', 'slow', 'onRequest');
const never = (): Promise<undefined> => new Promise(() => {});

describe('a tap that waits', () => {
  it('decides by what its promise gives', async () => {
    face().onRequest.tapPromise(async () => ({ respond: { status: 401 } }));
    expect(await verdictOf(world.compile().onRequest, new FakeExchange().asHttp())).toEqual({ respond: { status: 401 } });
  });
  it('has a limit of 1,000 ms, not a millisecond less', async () => {
    face().onRequest.tapPromise(never);
    const done = vi.fn();
    world.compile().onRequest!.callAsync(new FakeExchange().asHttp(), done);
    await vi.advanceTimersByTimeAsync(999);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledTimes(1);
    expect(done.mock.calls[0]![1]).toMatchObject({ respond: { status: 503 }, code: 'ERR_PLUGIN_TAP' });
    expect(world.lines[0]!['error']).toMatch(/longer than its time limit of 1000 ms/);
  });
  it('may have another limit', async () => {
    face('slow', 'open').onConnect.tapPromise(never, { timeLimitMs: 50 });
    const done = vi.fn();
    world.compile().onConnect!.callAsync(CONNECTION, done);
    await vi.advanceTimersByTimeAsync(49);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledExactlyOnceWith();
  });
  it('has its limit from each call on, also where calls overlap', async () => {
    face('slow', 'open').onRequest.tapPromise(never, { timeLimitMs: 100 });
    const hook = world.compile().onRequest!;
    const ends: number[] = [];
    const startedAt = performance.now();
    for (const pause of [30, 50, 40, 0]) {
      hook.callAsync(new FakeExchange().asHttp(), () => void ends.push(performance.now() - startedAt));
      await vi.advanceTimersByTimeAsync(pause);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(ends).toEqual([100, 130, 180, 220]);
  });
  it.each([0, 0.5, 60_001, Number.NaN])('cannot have a limit of %s ms', (timeLimitMs) => {
    expect(() => face().onRequest.tapPromise(never, { timeLimitMs })).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }));
  });
  it.each([
    ['throws before its promise', () => { throw new Error('early'); }],
    ['rejects', () => Promise.reject(new Error('late'))],
    ['returns no promise', () => undefined],
    ['resolves with nonsense', async () => 7],
    // eslint-disable-next-line unicorn/no-thenable -- a plugin may
    ['returns a thenable that throws', () => ({ then() { throw new Error('then'); } })],
    ['returns a promise whose constructor throws', () => Object.defineProperty(Promise.resolve(), 'constructor', { get() { throw new Error('constructor'); } })],
    // eslint-disable-next-line unicorn/no-thenable -- a plugin may
    ['returns a promise with a `then` of its own that rejects twice', () => Object.assign(Promise.reject(new Error('own')), { then: (_good: unknown, bad: (error: Error) => void) => (bad(new Error('one')), bad(new Error('two'))) })],
    // eslint-disable-next-line unicorn/no-thenable -- a plugin may
    ['resolves with a thenable whose `then` throws when it is looked at', async () => Object.defineProperty({}, 'then', { get() { throw new Error('get'); } })],
  ])('refuses once for a closed plugin when it %s', async (_how, bad) => {
    face().onRequest.tap(() => undefined);
    face().onRequest.tapPromise(bad as unknown as () => Promise<RequestDecision>);
    const done = vi.fn();
    world.compile().onRequest!.callAsync(new FakeExchange().asHttp(), done);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(done).toHaveBeenCalledTimes(1);
    expect(done.mock.calls[0]![1]).toMatchObject({ respond: { status: 503 } });
    expect(failures()).toBe(1);
  });
  it('goes on with the next tap when it is open, also when the second one throws at once (where tapPromise of tapable hangs)', async () => {
    face('slow', 'open').onRequest.tapPromise(async () => undefined);
    face('slow', 'open').onRequest.tapPromise(() => { throw new Error('second'); });
    face().onRequest.tapPromise(async () => ({ respond: { status: 204 } }));
    expect(await verdictOf(world.compile().onRequest, new FakeExchange().asHttp())).toEqual({ respond: { status: 204 } });
  });
  it('loses its edits of the request when it fails after a wait', async () => {
    face('slow', 'open').onRequest.tapPromise(async ({ request }) => {
      request.setHeader('x-user', 'alice');
      await Promise.resolve();
      throw new Error('too bad');
    });
    const exchange = new FakeExchange();
    await verdictOf(world.compile().onRequest, exchange.asHttp());
    expect(exchange.request.edits).toEqual([]);
  });
});

describe('a loop that stood still', () => {
  it('is not the failure of a tap whose promise was ready in time', async () => {
    vi.useRealTimers();
    face().onRequest.tapPromise(async () => access('/'), { timeLimitMs: 50 });
    const verdict = verdictOf(world.compile().onRequest, new FakeExchange().asHttp());
    // Another plugin, or a large JSON.parse: when it ends the answer has come, but timers run first.
    for (const end = performance.now() + 200; performance.now() < end;);
    expect(await verdict).toBeUndefined();
    expect(failures()).toBe(0);
  });
});

describe('what comes after the limit', () => {
  it.each([['a value', 'resolve'], ['a rejection', 'reject']] as const)('is dropped: %s', async (_what, end) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    let settle!: { resolve: (value: RequestDecision) => void; reject: (error: Error) => void };
    face().onRequest.tapPromise(() => new Promise<RequestDecision>((resolve, reject) => { settle = { resolve, reject }; }), { timeLimitMs: 10 });
    const exchange = new FakeExchange();
    const done = vi.fn();
    world.compile().onRequest!.callAsync(exchange.asHttp(), done);
    await vi.advanceTimersByTimeAsync(10);
    settle[end]({ pool: 'canary' } as RequestDecision & Error);
    vi.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(done).toHaveBeenCalledTimes(1);
    expect(exchange.redirectedTo).toBeUndefined();
    expect(failures()).toBe(1);
  });
  it('finds a retired exchange also when it settled in time: what it began may go on', async () => {
    face('fast').onRequest.tapPromise(async () => undefined);
    const exchange = new FakeExchange();
    await verdictOf(world.compile().onRequest, exchange.asHttp());
    expect(exchange.isRetired).toBe(true);
  });

  it('finds an exchange that was retired before the core went on, so that a late edit reaches nobody else', async () => {
    face('slow', 'open').onRequest.tapPromise(never, { timeLimitMs: 10 });
    const exchange = new FakeExchange();
    let wasRetired = false;
    world.compile().onRequest!.callAsync(exchange.asHttp(), () => { wasRetired = exchange.isRetired; });
    await vi.advanceTimersByTimeAsync(10);
    expect(wasRetired).toBe(true);
  });
});

describe('the queue of pending calls', () => {
  it('takes one timer for many calls', () => {
    const queue = new TimeLimits(() => performance.now()).of(1_000);
    for (let i = 0; i < 100; i++) queue.close(queue.open(() => {}));
    queue.open(() => {});
    expect(vi.getTimerCount()).toBe(1);
  });
  it('is the same for the same limit', () => {
    const limits = new TimeLimits(() => 0);
    expect(limits.of(5)).toBe(limits.of(5));
    expect(limits.of(6)).not.toBe(limits.of(5));
  });
  it('expires only what was not closed, in whatever order it was closed', () => {
    for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]]) {
      for (let keep = 0; keep < 3; keep++) {
        const queue = new TimeLimits(() => performance.now()).of(100);
        const expired: number[] = [];
        const calls = [0, 1, 2].map((index) => queue.open(() => void expired.push(index)));
        for (const index of order) {
          if (index === keep) continue;
          queue.close(calls[index]!);
          queue.close(calls[index]!);
        }
        vi.advanceTimersByTime(100);
        expect(expired).toEqual([keep]);
        vi.advanceTimersByTime(1_000);
        expect(vi.getTimerCount()).toBe(0);
      }
    }
  });
});

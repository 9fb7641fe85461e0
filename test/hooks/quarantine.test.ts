import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backend, OnFailure } from '@steelyard/sdk';
import { FAILURES_IN_A_ROW, FIRST_WAIT_MS, HEALTHY, LONGEST_WAIT_MS, NORMAL, Quarantine, REFUSED, SHARE_MIN_CALLS, SHARE_WINDOW_MS, TRIAL } from '../../core/src/plugins/quarantine.ts';
import { backend, CONFIG, CONNECTION, EXCHANGE, FakeExchange, poolOf, RESULT, verdictOf, World } from './world.ts';

let world: World;
let tap: Quarantine;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
  tap = new Quarantine(world.plugin(), 'onRequest');
});
afterEach(() => vi.useRealTimers());

const error = new Error('boom');
function call(isGood: boolean): boolean {
  const ticket = tap.state === HEALTHY ? NORMAL : tap.admit();
  if (ticket === REFUSED) return false;
  if (!isGood) tap.failed(ticket, error);
  else if (tap.state !== HEALTHY) tap.succeeded(ticket);
  return true;
}
function fail(times: number): void {
  for (let i = 0; i < times; i++) call(false);
}
const isShut = (): boolean => world.count('steelyard_plugin_quarantined', 'broken', 'onRequest') === 1;

describe('a tap goes into quarantine', () => {
  it('at the tenth failure in a row, not before', () => {
    fail(FAILURES_IN_A_ROW - 1);
    expect(isShut()).toBe(false);
    fail(1);
    expect(isShut()).toBe(true);
    expect(call(true)).toBe(false);
  });
  it('when half of its calls fail, at the first failure behind 20 calls', () => {
    let calls = 0;
    while (!isShut() && calls < 1_000) call(calls++ % 2 === 1);
    expect(calls).toBe(SHARE_MIN_CALLS + 1);
  });
  it('never at one failure in three', () => {
    for (let i = 0; i < 3_000; i++) call(i % 3 !== 0);
    expect(isShut()).toBe(false);
  });
  it('not for failures that lie further apart than the window', () => {
    for (let i = 0; i < 100; i++) {
      call(false);
      call(true);
      vi.advanceTimersByTime(SHARE_WINDOW_MS / 5);
    }
    expect(isShut()).toBe(false);
  });
  it('is healthy again after 20 good calls in a row: then nothing is counted any more', () => {
    fail(FAILURES_IN_A_ROW - 1);
    for (let i = 0; i < 20; i++) {
      expect(tap.state).not.toBe(HEALTHY);
      call(true);
    }
    expect(tap.state).toBe(HEALTHY);
    fail(FAILURES_IN_A_ROW - 1);
    expect(isShut()).toBe(false);
  });
});

describe('a tap in quarantine', () => {
  beforeEach(() => fail(FAILURES_IN_A_ROW));
  it('gets one trial call at a time when the wait is over', () => {
    vi.advanceTimersByTime(FIRST_WAIT_MS - 1);
    expect(tap.admit()).toBe(REFUSED);
    vi.advanceTimersByTime(1);
    expect(tap.admit()).toBe(TRIAL);
    expect(tap.admit()).toBe(REFUSED);
  });
  it('is let out by one good trial', () => {
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    call(true);
    expect(isShut()).toBe(false);
    expect(tap.state).toBe(HEALTHY);
    fail(FAILURES_IN_A_ROW - 1);
    expect(isShut()).toBe(false);
  });
  it('waits twice as long after each failed trial, to a minute at most, and one second again after it was good', () => {
    const waits: number[] = [];
    for (let trial = 0; trial < 9; trial++) {
      let waited = 0;
      while (tap.admit() === REFUSED) {
        vi.advanceTimersByTime(1_000);
        waited += 1_000;
      }
      waits.push(waited);
      tap.failed(TRIAL, error);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    call(true);
    fail(FAILURES_IN_A_ROW);
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    expect(tap.admit()).toBe(TRIAL);
  });
  it('is neither let out nor held longer by calls that began before it', () => {
    tap.succeeded(NORMAL);
    expect(isShut()).toBe(true);
    vi.advanceTimersByTime(FIRST_WAIT_MS - 1);
    tap.failed(NORMAL, error);
    expect(tap.admit()).toBe(REFUSED);
    vi.advanceTimersByTime(1);
    expect(tap.admit()).toBe(TRIAL);
    tap.succeeded(NORMAL);
    expect(tap.admit()).toBe(REFUSED);
  });
  it('is logged at its entry and its exit', () => {
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    call(true);
    const told = world.lines.filter(({ code, msg }) => code === 'ERR_PLUGIN_QUARANTINE' || /over/.test(msg));
    expect(told).toMatchObject([
      { plugin: 'broken', hook: 'onRequest', waitMs: 1_000, meanwhile: 'refused' },
      { plugin: 'broken', hook: 'onRequest', msg: 'plugin broken answered again in onRequest: its quarantine is over' },
    ]);
  });
  it('is counted no more when its generation ends', () => {
    tap.plugin.abort();
    expect(isShut()).toBe(false);
  });
});

describe('through the hooks', () => {
  const boom = (): never => { throw error; };
  const never = (): Promise<undefined> => new Promise(() => {});
  const LIMIT = { timeLimitMs: 50 };
  const lateVerdict: typeof verdictOf = async (hook, subject) => {
    const verdict = verdictOf(hook, subject);
    await vi.advanceTimersByTimeAsync(LIMIT.timeLimitMs + 1);
    return verdict;
  };
  const face = (onFailure: OnFailure) => world.registry.face(world.plugin('broken', onFailure), CONFIG);

  it('a closed plugin in quarantine refuses without being called: it is never skipped', async () => {
    const fn = vi.fn(never);
    face('closed').onConnect.tapPromise(fn, LIMIT);
    const hook = world.compile().onConnect;
    for (let i = 0; i < FAILURES_IN_A_ROW; i++) await lateVerdict(hook, CONNECTION);
    expect(await verdictOf(hook, CONNECTION)).toEqual({ refuse: 'plugin broken failed', code: 'ERR_PLUGIN_QUARANTINE' });
    expect(fn).toHaveBeenCalledTimes(FAILURES_IN_A_ROW);
  });
  it('a closed plugin that throws is asked each time: shut out, it would refuse everybody for the sake of some', async () => {
    const fn = vi.fn(boom);
    face('closed').onConnect.tap(fn);
    const hook = world.compile().onConnect;
    for (let i = 0; i < 3 * FAILURES_IN_A_ROW; i++) expect(await verdictOf(hook, CONNECTION)).toEqual({ refuse: 'plugin broken failed', code: 'ERR_PLUGIN_TAP' });
    expect(fn).toHaveBeenCalledTimes(3 * FAILURES_IN_A_ROW);
    expect(world.count('steelyard_plugin_failures_total', 'broken', 'onConnect')).toBe(3 * FAILURES_IN_A_ROW);
  });
  it('a closed plugin in quarantine answers 503, an open one lets through, also where it waits', async () => {
    for (const [onFailure, expected] of [['closed', { respond: { status: 503 }, code: 'ERR_PLUGIN_QUARANTINE' }], ['open', undefined]] as const) {
      world = new World();
      const fn = vi.fn(never);
      face(onFailure).onRequest.tapPromise(fn, LIMIT);
      const hook = world.compile().onRequest;
      for (let i = 0; i < FAILURES_IN_A_ROW; i++) await lateVerdict(hook, new FakeExchange().asHttp());
      const verdict = await verdictOf(hook, new FakeExchange().asHttp());
      if (expected) expect(verdict).toMatchObject(expected);
      else expect(verdict).toBeUndefined();
      expect(fn).toHaveBeenCalledTimes(FAILURES_IN_A_ROW);
    }
  });
  it('lets one waiting call through as the trial, and refuses the others until it ends', async () => {
    let isBroken = true;
    let answer!: () => void;
    const fn = vi.fn(() => (isBroken ? never() : new Promise<undefined>((resolve) => { answer = () => resolve(undefined); })));
    face('closed').onRequest.tapPromise(fn, LIMIT);
    const hook = world.compile().onRequest;
    const ask = () => verdictOf(hook, new FakeExchange().asHttp());
    for (let i = 0; i < FAILURES_IN_A_ROW; i++) await lateVerdict(hook, new FakeExchange().asHttp());
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    isBroken = false;
    const trial = ask();
    expect(await ask()).toMatchObject({ code: 'ERR_PLUGIN_QUARANTINE' });
    answer();
    expect(await trial).toBeUndefined();
    const later = ask();
    answer();
    expect(await later).toBeUndefined();
    expect(fn).toHaveBeenCalledTimes(FAILURES_IN_A_ROW + 2);
  });
  it('one broken tap does not silence the plugin in its other hooks', async () => {
    const good = vi.fn();
    const hooks = face('closed');
    hooks.onResponse.tap(boom);
    hooks.onRequest.tap(good);
    const set = world.compile();
    for (let i = 0; i < 50; i++) set.onResponse!.call(EXCHANGE, RESULT);
    expect(await verdictOf(set.onRequest, new FakeExchange().asHttp())).toBeUndefined();
    expect(good).toHaveBeenCalledTimes(1);
    expect(world.count('steelyard_plugin_failures_total', 'broken', 'onResponse')).toBe(FAILURES_IN_A_ROW);
  });
  it('a strategy in quarantine has no opinion, and is asked again later', () => {
    const a = backend('a');
    const select = vi.fn((): Backend => boom());
    const hook = world.registry.compile([CONFIG], { plugin: world.plugin('broken', 'open'), select }).selectBackend!;
    for (let i = 0; i < 100; i++) expect(hook.call(EXCHANGE, poolOf([a]))).toBeUndefined();
    expect(select).toHaveBeenCalledTimes(FAILURES_IN_A_ROW);
    select.mockReturnValue(a);
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    expect(hook.call(EXCHANGE, poolOf([a]))).toBe(a);
  });
  it('a strategy has one record, however many routes lead to its pool', () => {
    const select = vi.fn((): Backend => boom());
    const strategy = { plugin: world.plugin('broken', 'open'), select };
    const hooks = ['x', 'y'].map((name) => world.registry.compile([CONFIG, { kind: 'route', name }], strategy).selectBackend!);
    for (let i = 0; i < 100; i++) hooks[i % 2]!.call(EXCHANGE, poolOf([]));
    expect(select).toHaveBeenCalledTimes(FAILURES_IN_A_ROW);
  });
});

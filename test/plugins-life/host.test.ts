/** The rest of `host`: timers in virtual time, state beside backends, logs, metrics. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backend, Host, StrategyUse } from '@steelyard/sdk';
import { defineDiscovery, defineHealthCheck, definePlugin, defineStrategy } from '@steelyard/sdk';
import { TapRegistry } from '../../core/src/hooks.ts';
import { PluginSet } from '../../core/src/plugins.ts';
import { CONFIG, World } from '../hooks/world.ts';

let world: World;
let set: PluginSet;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
  set = new PluginSet(world.services, 10_000, world.registry);
});
afterEach(() => vi.useRealTimers());

async function hostOf(name = 'p', inSet = set): Promise<Host> {
  let host!: Host;
  await inSet.setUp(definePlugin<{}>({ name, options: {}, setup: (_options, given) => { host = given; } })(), CONFIG);
  return host;
}
const nextSet = (): PluginSet => new PluginSet(world.services, 10_000, new TapRegistry());

describe('pool', () => {
  it('is the one that a strategy, inner ones too, a check, a discovery or a plugin works for, and none of others', async () => {
    const pools: string[] = [];
    const noteOf = { name: 'n', options: {} };
    const note = ({ pool }: Host): void => void pools.push(pool);
    const strategy = (inner?: StrategyUse): StrategyUse => defineStrategy<{}>({ ...noteOf, create: (_options, host) => {
      note(host);
      if (inner) host.strategy(inner);
      return { update() {}, select: () => undefined };
    } })();
    set.createStrategy(strategy(strategy()), 'api');
    set.createHealthCheck(defineHealthCheck<{}>({ ...noteOf, create: (_options, host) => { note(host); return { observe: () => undefined, ejection: { failures: 1, ejectMs: 1, maxEjectMs: 1 } }; } })(), 'api');
    await set.startDiscovery(defineDiscovery<{}>({ ...noteOf, watch: (update, _signal, _options, host) => { note(host); update([]); } })(), 'api', () => {});
    const plugin = definePlugin<{}>({ ...noteOf, setup: (_options, host) => note(host) });
    await set.setUp(plugin(), { kind: 'pool', name: 'api' });
    await set.setUp(plugin(), CONFIG);
    await set.setUp(plugin(), { kind: 'listener', name: 'web' });
    expect(pools).toEqual(['api', 'api', 'api', 'api', 'api', '', '']);
  });
});

describe('every and after', () => {
  it('call at their time, until they are stopped', async () => {
    const host = await hostOf();
    const [tick, once, never] = [vi.fn(), vi.fn(), vi.fn()];
    const stop = host.every(100, tick);
    host.after(250, once);
    host.after(250, never)();
    vi.advanceTimersByTime(249);
    expect([tick, once].map((fn) => fn.mock.calls.length)).toEqual([2, 0]);
    vi.advanceTimersByTime(751);
    stop();
    vi.advanceTimersByTime(1_000);
    expect([tick, once, never].map((fn) => fn.mock.calls.length)).toEqual([10, 1, 0]);
  });
  it('end with the generation', async () => {
    const host = await hostOf();
    const fn = vi.fn();
    host.every(10, fn);
    host.after(10, fn);
    await set.tearDown();
    host.every(10, fn);
    host.after(10, fn);
    expect(vi.getTimerCount()).toBe(0);
  });
  it('go on after a throw and a rejection, each of which is counted', async () => {
    const host = await hostOf();
    let calls = 0;
    host.every(10, () => {
      calls++;
      if (calls === 1) throw new Error('boom');
      return calls === 2 ? Promise.reject(new Error('boom')) : undefined;
    });
    await vi.advanceTimersByTimeAsync(30);
    expect(calls).toBe(3);
    expect(world.count('steelyard_plugin_failures_total', 'p', 'timer')).toBe(2);
  });
  it('leave out a call while the last one waits', async () => {
    const host = await hostOf();
    const ends: (() => void)[] = [];
    host.every(10, () => new Promise<void>((resolve) => { ends.push(resolve); }));
    await vi.advanceTimersByTimeAsync(50);
    expect(ends).toHaveLength(1);
    ends[0]!();
    await vi.advanceTimersByTimeAsync(10);
    expect(ends).toHaveLength(2);
  });
  it.each([-1, Number.NaN, Infinity, 2 ** 31])('refuse %s ms', async (ms) => {
    const host = await hostOf();
    for (const timer of ['every', 'after'] as const) expect(() => host[timer](ms, () => {})).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }));
  });
});

describe('perBackend', () => {
  const backendAt = (row: number): Backend => ({ id: `b${row}`, row, pluginState: new Map<string, unknown>() }) as unknown as Backend;

  it('makes the state once, and the next generation finds it', async () => {
    const [a, b] = [backendAt(0), backendAt(1)];
    const init = vi.fn(({ id }: Backend) => ({ id, count: 0 }));
    const state = (await hostOf()).perBackend(init);
    state(a).count = 7;
    const next = (await hostOf('p', nextSet())).perBackend(init);
    expect([next(a).count, next(b).count, state(b) === next(b)]).toEqual([7, 0, true]);
    expect(init.mock.calls.map(([{ id }]) => id)).toEqual(['b0', 'b1']);
  });
  it('is apart for each plugin and key', async () => {
    const [host, other] = [await hostOf(), await hostOf('q')];
    const a = backendAt(0);
    const states = [host.perBackend(() => ({})), host.perBackend(() => ({}), 'k'), other.perBackend(() => ({}))].map((state) => state(a));
    expect(new Set(states).size).toBe(3);
  });
  it('is not mistaken for that of a backend that had the same row before', async () => {
    const state = (await hostOf()).perBackend(({ id }) => ({ id }));
    const [old, young] = [backendAt(3), { ...backendAt(3), id: 'young' } as Backend];
    state(old);
    expect(state(young)).toEqual({ id: 'young' });
  });
  it('refuses what is no backend of the balancer', async () => {
    const state = (await hostOf()).perBackend(() => 0);
    expect(() => state({ id: 'x' } as Backend)).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }));
  });
});

describe('host', () => {
  it('logs under the name of the plugin', async () => {
    (await hostOf('basic-auth')).log.info({ user: 'alice' }, 'refused');
    expect(world.lines).toMatchObject([{ plugin: 'basic-auth', user: 'alice', msg: 'refused' }]);
  });
  it('has time and chance of the core, and its functions may be taken off it', async () => {
    const { now, wallTime, random } = (await hostOf()) as unknown as Record<'now' | 'wallTime' | 'random', () => number>;
    const before = now();
    vi.advanceTimersByTime(5);
    expect([now() - before, wallTime() === Date.now(), random()]).toEqual([5, true, 0.5]);
  });
  it('cannot be changed by a plugin', async () => {
    expect(Object.isFrozen(await hostOf())).toBe(true);
  });
});

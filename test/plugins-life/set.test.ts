/** A generation's plugins: set up in order, torn down in reverse, and nothing left when it fails half-way. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backend, Host, Lease, Member, MetricsSnapshot, Outcome, ResponseHead } from '@steelyard/sdk';
import { defineDiscovery, defineExporter, defineHealthCheck, definePlugin, defineStrategy, describeError } from '@steelyard/sdk';
import { TapRegistry } from '../../core/src/hooks.ts';
import { FAILURES_IN_A_ROW, FIRST_WAIT_MS } from '../../core/src/plugins/quarantine.ts';
import { PluginSet } from '../../core/src/plugins.ts';
import { backend, CONFIG, EXCHANGE, JournalHead, OUTCOME, poolOf, verdictOf, CONNECTION, World } from '../hooks/world.ts';

let world: World;
let set: PluginSet;
let told: string[];
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
  set = new PluginSet(world.services, 10_000, world.registry);
  told = [];
});
afterEach(() => vi.useRealTimers());

const plugin = (name: string, setup: (host: Host) => void | Promise<void>) => definePlugin<{}>({ name, options: {}, setup: (_options, host) => setup(host) })();
const boom = (): never => {
  throw new Error('boom');
};

describe('setUp', () => {
  it('runs setup with the options and the host of the plugin, in its scope', async () => {
    const use = definePlugin<{ reason: string }>({
      name: 'deny', options: { reason: { type: 'string' } },
      setup: ({ reason }, host) => host.hooks.onConnect.tap(() => ({ refuse: reason })),
    });
    await set.setUp(use({ reason: 'closed' }), { kind: 'listener', name: 'http-80' });
    expect(world.registry.compile([CONFIG]).onConnect).toBeUndefined();
    expect(await verdictOf(world.registry.compile([CONFIG, { kind: 'listener', name: 'http-80' }]).onConnect, CONNECTION)).toEqual({ refuse: 'closed' });
  });
  it('waits for a setup that takes its time, and taps it makes meanwhile count', async () => {
    await Promise.all([
      set.setUp(plugin('slow', async (host) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        host.hooks.onResponse.tap(() => {});
      }), CONFIG),
      vi.advanceTimersByTimeAsync(500),
    ]);
    expect(world.compile().onResponse).toBeDefined();
  });
  it('refuses a tap after the plugin has been set up, and counts it against the plugin', async () => {
    await set.setUp(plugin('late', (host) => { host.after(10, () => host.hooks.onResponse.tap(() => {})); }), CONFIG);
    vi.advanceTimersByTime(10);
    expect(world.lines[0]).toMatchObject({ plugin: 'late', hook: 'onResponse', error: expect.stringContaining('after its set-up had ended') });
  });
  it.each([['closed by default', undefined, { refuse: 'plugin p failed', code: 'ERR_PLUGIN_TAP' }], ['open if it says so', 'open', undefined]] as const)('is %s', async (_how, onFailure, expected) => {
    const use = definePlugin<{}>({ name: 'p', options: {}, ...(onFailure && { onFailure }), setup: (_options, host) => host.hooks.onConnect.tap(boom) });
    await set.setUp(use(), CONFIG);
    expect(await verdictOf(world.compile().onConnect, CONNECTION)).toEqual(expected);
  });
  it('starts an exporter with a snapshot of the metrics', async () => {
    let taken: MetricsSnapshot | undefined;
    await set.setUp(defineExporter<{}>({ name: 'e', options: {}, start: async (_options, _host, snapshot) => { taken = await snapshot(); } })(), CONFIG);
    expect(taken!.families.map(({ name }) => name)).toContain('steelyard_plugin_failures_total');
  });
});

describe('a setup that fails', () => {
  it('tears down in reverse what was set up before it, and itself', async () => {
    await set.setUp(plugin('first', (host) => {
      host.defer(() => void told.push('first 1'));
      host.defer(async () => {
        await Promise.resolve();
        told.push('first 2');
      });
      host.signal.addEventListener('abort', () => told.push('first aborts'));
    }), CONFIG);
    const failing = set.setUp(plugin('second', async (host) => {
      host.defer(() => void told.push('second'));
      await host.shared('client', () => 'client', () => void told.push('client closed'));
      host.signal.addEventListener('abort', () => told.push('second aborts'));
      boom();
    }), { kind: 'route', name: 'api' });
    await expect(failing).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE', source: 'plugin' });
    expect(told).toEqual(['second aborts', 'first aborts', 'second', 'first 2', 'first 1', 'client closed']);
    expect(describeError(await failing.catch((thrown: unknown) => thrown))).toBe(
      'plugin second (route api) could not be set up: boom (mend it, or take it out of the config)',
    );
  });
  it('may also throw before its promise', async () => {
    await expect(set.setUp(plugin('p', boom), CONFIG)).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE' });
  });
  it('lets nobody be set up behind it', async () => {
    await set.setUp(plugin('p', boom), CONFIG).catch(() => {});
    await expect(set.setUp(plugin('q', () => void told.push('q')), CONFIG)).rejects.toMatchObject({ code: 'ERR_STATE' });
    expect(told).toEqual([]);
  });
});

describe('the time limit', () => {
  const never = (): Promise<void> => new Promise(() => {});
  it('is for all setups together', async () => {
    const waits = (ms: number) => plugin('p', () => new Promise((resolve) => setTimeout(resolve, ms)));
    const first = set.setUp(waits(7_000), CONFIG);
    await vi.advanceTimersByTimeAsync(7_000);
    await first;
    const second = set.setUp(waits(4_000), CONFIG);
    const failed = expect(second).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE', cause: { message: expect.stringContaining('longer than 10000 ms') } });
    await vi.advanceTimersByTimeAsync(3_000);
    await failed;
  });
  it('leaves nothing behind of a setup that goes on: what it opens later is refused, what it defers runs at once', async () => {
    let late!: Promise<unknown>;
    const failing = set.setUp(plugin('p', async (host) => {
      await new Promise((resolve) => setTimeout(resolve, 11_000));
      host.defer(() => void told.push('deferred'));
      host.every(1, () => void told.push('tick'));
      late = host.shared('client', () => told.push('opened'), () => {});
      await Promise.all([late, host.serve({ port: 0 }, () => {})]);
    }), CONFIG);
    const failed = expect(failing).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE' });
    await vi.advanceTimersByTimeAsync(12_000);
    await failed;
    await expect(late).rejects.toMatchObject({ code: 'ERR_STATE' });
    expect(told).toEqual(['deferred']);
    expect(vi.getTimerCount()).toBe(0);
  });
  it('of a deferred function ends it: the next one runs, and the tear-down ends', async () => {
    await set.setUp(plugin('p', (host) => {
      host.defer(() => void told.push('last'));
      host.defer(never);
      host.defer(boom);
    }), CONFIG);
    const end = set.tearDown();
    await vi.advanceTimersByTimeAsync(5_000);
    await end;
    expect(told).toEqual(['last']);
    expect(world.count('steelyard_plugin_failures_total', 'p', 'defer')).toBe(2);
  });
});

describe('tearDown', () => {
  it('runs once, however often it is asked for', async () => {
    await set.setUp(plugin('p', (host) => host.defer(() => void told.push('end'))), CONFIG);
    await Promise.all([set.tearDown(), set.tearDown()]);
    expect(told).toEqual(['end']);
  });
});

describe('createStrategy', () => {
  const a = backend('a');
  const members: Member[] = [{ backend: a, weight: 1 }];
  const lease = { slot: 0 } as Lease;
  const strategy = (instance: object) => defineStrategy<{}>({ name: 's', options: {}, create: () => instance as never })();
  const failures = (where: string): number => world.count('steelyard_plugin_failures_total', 's', where);

  it('gives callbacks that never throw, and undefined for those that are not there', () => {
    const { instance } = set.createStrategy(strategy({ update: boom, select: boom, onStart: boom, onEnd: async () => boom(), snapshot: boom, adopt: boom }), 'web');
    instance.update(members);
    instance.onStart!(lease);
    instance.onEnd!(lease, OUTCOME);
    instance.adopt!(1);
    expect(instance.snapshot!()).toBeUndefined();
    expect(['update', 'onStart', 'onEnd', 'adopt', 'snapshot'].map(failures)).toEqual([1, 1, 1, 1, 1]);
    expect(instance.onHead).toBeUndefined();
  });
  it('keeps `this` of a strategy that is a class', () => {
    class Counting {
      ends = 0;
      update(): void {}
      select(): Backend { return a; }
      onEnd(): void { this.ends++; }
      snapshot(): number { return this.ends; }
    }
    const { instance } = set.createStrategy(strategy(new Counting()), 'web');
    instance.onEnd!(lease, {} as Outcome);
    expect(instance.snapshot!()).toBe(1);
  });
  it('never leaves out an end, however often it failed: starts and ends stay in pairs', () => {
    const onEnd = vi.fn(boom);
    const { instance } = set.createStrategy(strategy({ update() {}, select() {}, onEnd }), 'web');
    for (let i = 0; i < 100; i++) instance.onEnd!(lease, OUTCOME);
    expect(onEnd).toHaveBeenCalledTimes(100);
  });
  it('takes back the edits of an onHead that fails', () => {
    const { instance } = set.createStrategy(strategy({ update() {}, select() {}, onHead: (_lease: Lease, head: ResponseHead) => { head.setHeader('x', '1'); boom(); } }), 'web');
    const head = new JournalHead();
    head.setHeader('before', '1');
    instance.onHead!(lease, head.asResponse());
    expect(head.edits).toEqual([['before', '1']]);
  });
  it('tries a failed update again before the next pick, and picks nothing from half-built tables', () => {
    let isBroken = true;
    const seen: (readonly Member[])[] = [];
    const { plugin, instance } = set.createStrategy(strategy({
      update(given: readonly Member[]) {
        if (isBroken) boom();
        seen.push(given);
      },
      select: () => a,
    }), 'web');
    instance.update(members);
    const hook = world.registry.compile([], { plugin, select: instance.select }).selectBackend!;
    for (let i = 0; i < 50; i++) expect(hook.call(EXCHANGE, poolOf([a]))).toBeUndefined();
    expect(failures('selectBackend')).toBe(FAILURES_IN_A_ROW);
    isBroken = false;
    vi.advanceTimersByTime(FIRST_WAIT_MS);
    expect(hook.call(EXCHANGE, poolOf([a]))).toBe(a);
    expect(hook.call(EXCHANGE, poolOf([a]))).toBe(a);
    expect(seen).toEqual([members]);
  });
  it('says whether it was asked, so that the lease of another tap is not told to it', async () => {
    let isOther = true;
    await set.setUp(plugin('pinning', (host) => host.hooks.selectBackend.tap(() => (isOther ? a : undefined))), CONFIG);
    const { plugin: runtime, instance } = set.createStrategy(strategy({ update() {}, select: () => a }), 'web');
    const hook = world.registry.compile([CONFIG], { plugin: runtime, select: instance.select }).selectBackend!;
    hook.call(EXCHANGE, poolOf([a]));
    expect(instance.wasAsked).toBe(false);
    isOther = false;
    hook.call(EXCHANGE, poolOf([a]));
    expect(instance.wasAsked).toBe(true);
  });
  it.each([
    ['throws', boom], ['is asynchronous', async () => ({ update() {}, select() {} })], ['rejects', () => Promise.reject(new Error('x'))],
    ['returns nothing', () => undefined], ['returns no select', () => ({ update() {} })], ['returns an onEnd that is no function', () => ({ update() {}, select() {}, onEnd: 1 })],
  ])('refuses a strategy whose create %s', (_how, create) => {
    const use = defineStrategy<{}>({ name: 's', options: {}, create: create as () => never })();
    expect(() => set.createStrategy(use, 'web')).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_CREATE', message: 'plugin s (pool web) could not be set up' }));
  });
});

describe('createHealthCheck', () => {
  const schedule = { intervalMs: 1_000, jitter: 0, timeoutMs: 100, rise: 1, fall: 1 };
  const ejection = { failures: 5, ejectMs: 1, maxEjectMs: 1 };
  const check = (instance: unknown) => set.createHealthCheck(defineHealthCheck<{}>({ name: 'h', options: {}, create: () => instance as never })(), 'web').instance;
  const a = backend('a');

  it('makes a probe that throws a probe that failed', async () => {
    await expect(check({ probe: boom, schedule }).probe!(a, AbortSignal.abort())).rejects.toThrow('boom');
  });
  it.each([['throws', boom], ['returns a promise', async () => true], ['returns nonsense', () => 'good']])('hears nothing from a detector that %s, and leaves it alone after a while', (_how, bad) => {
    const observe = vi.fn(bad);
    const instance = check({ observe, ejection });
    for (let i = 0; i < 50; i++) expect(instance.observe!(a, OUTCOME)).toBeUndefined();
    expect(observe).toHaveBeenCalledTimes(FAILURES_IN_A_ROW);
    expect(world.count('steelyard_plugin_failures_total', 'h', 'observe')).toBe(FAILURES_IN_A_ROW);
  });
  it('passes on what a detector says', () => {
    for (const verdict of [true, false, undefined]) expect(check({ observe: () => verdict, ejection }).observe!(a, OUTCOME)).toBe(verdict);
  });
  it.each([
    [{}], [undefined], [{ probe() {} }], [{ observe() {} }], [{ probe: 1, schedule }], [{ probe() {}, schedule: { ...schedule, intervalMs: Number.NaN } }],
    [{ observe() {}, ejection: { ...ejection, failures: 0 } }], [{ probe() {}, schedule: { ...schedule, jitter: -1 } }],
  ])('refuses %j', (instance) => {
    expect(() => check(instance)).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_CREATE', cause: expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }) }));
  });
});

describe('startDiscovery', () => {
  type Watch = Parameters<typeof defineDiscovery<{}>>[0]['watch'];
  const discovery = (watch: Watch) => defineDiscovery<{}>({ name: 'd', options: {}, watch })();
  const failures = (): number => world.count('steelyard_plugin_failures_total', 'd', 'watch');

  it('ends with the first list, and passes on the later ones', async () => {
    const lists: unknown[] = [];
    await set.startDiscovery(discovery((update) => {
      update(['http://127.0.0.1:1']);
      setTimeout(() => update([]), 100);
    }), 'web', (list) => void lists.push(list));
    expect(lists).toEqual([['http://127.0.0.1:1']]);
    vi.advanceTimersByTime(100);
    expect(lists).toEqual([['http://127.0.0.1:1'], []]);
  });
  it('fails when there is no list within 10 s', async () => {
    const start = set.startDiscovery(discovery(() => new Promise(() => {})), 'web', () => {});
    const failed = expect(start).rejects.toMatchObject({ code: 'ERR_DISCOVERY', message: 'discovery d published no backends for pool web' });
    await vi.advanceTimersByTimeAsync(10_000);
    await failed;
  });
  it.each([
    ['throws', boom], ['rejects', () => Promise.reject(new Error('boom'))],
    ['publishes no list', (update: (list: never) => void) => update('http://127.0.0.1:1' as never)],
    ['publishes an entry that is none', (update: (list: never) => void) => update([{ port: 1 }] as never)],
  ])('fails when watch %s before its first list', async (_how, watch) => {
    await expect(set.startDiscovery(discovery(watch as Watch), 'web', () => {})).rejects.toMatchObject({ code: 'ERR_DISCOVERY' });
  });
  it('fails when the core cannot take the first list', async () => {
    await expect(set.startDiscovery(discovery((update) => update(['nonsense'])), 'web', boom)).rejects.toMatchObject({ code: 'ERR_DISCOVERY', cause: { message: 'boom' } });
  });
  it('logs what fails later, and goes on', async () => {
    const onUpdate = vi.fn();
    await set.startDiscovery(discovery(async (update) => {
      update([]);
      await new Promise((resolve) => setTimeout(resolve, 10));
      update(7 as never);
      update(['http://127.0.0.1:2']);
      boom();
    }), 'web', onUpdate);
    await vi.advanceTimersByTimeAsync(10);
    expect(failures()).toBe(2);
    expect(onUpdate).toHaveBeenLastCalledWith(['http://127.0.0.1:2']);
  });
  it('aborts the signal at the end, and hears no list after it', async () => {
    const onUpdate = vi.fn();
    await set.startDiscovery(discovery((update, signal) => {
      update([]);
      signal.addEventListener('abort', () => update(['http://127.0.0.1:3']));
    }), 'web', onUpdate);
    await set.tearDown();
    expect(onUpdate).toHaveBeenCalledTimes(1);
  });
});

describe('two generations', () => {
  it('have hooks of their own: the end of one leaves the other as it is', async () => {
    const next = new TapRegistry();
    const nextSet = new PluginSet(world.services, 10_000, next);
    await set.setUp(plugin('old', (host) => host.hooks.onConnect.tap(() => ({ refuse: 'old' }))), CONFIG);
    await nextSet.setUp(plugin('new', (host) => host.hooks.onConnect.tap(() => ({ refuse: 'new' }))), CONFIG);
    await set.tearDown();
    expect(await verdictOf(next.compile([CONFIG]).onConnect, CONNECTION)).toEqual({ refuse: 'new' });
  });
});

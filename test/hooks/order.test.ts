/** Who is asked where, and in which order. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backend, Hooks, SyncTappable } from '@steelyard/sdk';
import type { Scope } from '../../core/src/hooks.ts';
import { backend, CONFIG, EXCHANGE, OUTCOME, poolOf, RESULT, World } from './world.ts';

const LISTENER: Scope = { kind: 'listener', name: 'http-80' };
const ROUTE: Scope = { kind: 'route', name: 'web' };
const POOL: Scope = { kind: 'pool', name: 'web' };
const PLACE = [CONFIG, LISTENER, ROUTE, POOL];

let world: World;
let heard: string[];
beforeEach(() => {
  world = new World();
  heard = [];
});
function face(scope: Scope): Hooks {
  return world.registry.face(world.plugin('p'), scope);
}
function tap(scope: Scope, name: string, stage?: number): void {
  face(scope).onResponse.tap(() => void heard.push(name), stage === undefined ? {} : { stage });
}
function callAt(scopes: readonly Scope[]): string[] {
  heard = [];
  world.registry.compile(scopes).onResponse?.call(EXCHANGE, RESULT);
  return heard;
}

describe('taps', () => {
  it('are asked outer first, whatever the order of registration and the stages', () => {
    tap(POOL, 'pool', -100);
    tap(ROUTE, 'route');
    tap(LISTENER, 'listener');
    tap(CONFIG, 'config', 100);
    expect(callAt(PLACE)).toEqual(['config', 'listener', 'route', 'pool']);
  });
  it('are asked by stage within a scope, then by registration', () => {
    for (const [name, stage] of [['a', 1], ['b', 0], ['c', undefined], ['d', -1], ['e', 1]] as const) tap(CONFIG, name, stage);
    expect(callAt(PLACE)).toEqual(['d', 'b', 'c', 'a', 'e']);
  });
  it('hear only what passes their scope', () => {
    tap(ROUTE, 'web');
    tap({ kind: 'route', name: 'admin' }, 'admin');
    tap({ kind: 'pool', name: 'admin' }, 'pool');
    expect(callAt(PLACE)).toEqual(['web']);
    expect(callAt([CONFIG, { kind: 'route', name: 'admin' }])).toEqual(['admin']);
  });
  it('cost nothing where there are none: the hook is undefined', () => {
    tap(ROUTE, 'web');
    expect(world.registry.compile([CONFIG])).toEqual({
      onConnect: undefined, onRequest: undefined, selectBackend: undefined, onResponseHead: undefined, onAttempt: undefined, onResponse: undefined, onHealthChange: undefined,
    });
  });
  it('share one hook where the same ones pass', () => {
    tap(CONFIG, 'config');
    const [x, y] = ['x', 'y'].map((name) => world.registry.compile([CONFIG, { kind: 'route', name }]));
    expect(x!.onResponse).toBe(y!.onResponse);
    tap({ kind: 'route', name: 'x' }, 'x');
    expect(world.registry.compile([CONFIG, { kind: 'route', name: 'x' }]).onResponse).not.toBe(y!.onResponse);
  });
});

describe("a pool's strategy", () => {
  it('is asked last, and only when no tap had an opinion', () => {
    const [a, b] = [backend('a'), backend('b')];
    let pick: Backend | undefined = a;
    face(POOL).selectBackend.tap(() => pick);
    const select = vi.fn(() => b);
    const hook = world.registry.compile(PLACE, { plugin: world.plugin('strategy'), select }).selectBackend!;
    expect(hook.call(EXCHANGE, poolOf([a, b]))).toBe(a);
    expect(select).not.toHaveBeenCalled();
    pick = undefined;
    expect(hook.call(EXCHANGE, poolOf([a, b]))).toBe(b);
  });
  it('stands alone where no plugin taps', () => {
    const a = backend('a');
    expect(world.registry.compile(PLACE, { plugin: world.plugin('strategy'), select: () => a }).selectBackend!.call(EXCHANGE, poolOf([a]))).toBe(a);
  });
});

describe('the face of a plugin', () => {
  it('can tap, and nothing else', () => {
    const hooks = face(CONFIG);
    expect(Object.isFrozen(hooks)).toBe(true);
    for (const [name, hook] of Object.entries(hooks)) {
      expect(Object.keys(hook as object)).toEqual(['onConnect', 'onRequest'].includes(name) ? ['tap', 'tapPromise'] : ['tap']);
      expect(Object.isFrozen(hook)).toBe(true);
    }
  });
  it.each(['onConnect', 'onRequest', 'selectBackend', 'onResponseHead', 'onAttempt', 'onResponse', 'onHealthChange'] as const)('refuses a late tap of %s', (hook) => {
    const plugin = world.plugin('late');
    const hooks = world.registry.face(plugin, CONFIG);
    const late = expect.objectContaining({ code: 'ERR_PLUGIN_LATE_TAP', message: `plugin late tapped ${hook} after its set-up had ended` });
    const tapNow = (): void => (hooks[hook] as SyncTappable<unknown[], void>).tap(() => {});
    plugin.isSetUp = true;
    expect(tapNow).toThrow(late);
    // Nobody may be waiting for the promise that it is thrown into: it is counted, and the load fails.
    expect(world.count('steelyard_plugin_failures_total', 'late', hook)).toBe(1);
    expect(() => world.registry.close()).toThrow(late);
    plugin.isSetUp = false;
    expect(tapNow).toThrow(late);
  });
  it('refuses what is no function, and a stage that is no number', () => {
    expect(() => face(CONFIG).onResponse.tap('fn' as never)).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }));
    expect(() => face(CONFIG).onResponse.tap(() => {}, { stage: Number.NaN })).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION' }));
  });
});

describe('exactly once', () => {
  it('every tap hears a call once, also when each of them fails', () => {
    for (let i = 0; i < 5; i++) {
      face(CONFIG).onAttempt.tap(() => {
        heard.push(String(i));
        throw new Error('boom');
      });
    }
    world.registry.compile(PLACE).onAttempt!.call(EXCHANGE, backend('a'), OUTCOME);
    expect(heard).toEqual(['0', '1', '2', '3', '4']);
  });
});

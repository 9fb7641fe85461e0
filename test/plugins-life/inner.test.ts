/** Strategies inside strategies: created at their place, guarded by themselves, told of their own leases. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { defineStrategy, Pickers, type AnyStrategyUse, type Backend, type Host, type StrategyInstance } from '@steelyard/sdk';
import { PluginSet } from '../../core/src/plugins.ts';
import { backend, EXCHANGE, OUTCOME, poolOf, World } from '../hooks/world.ts';

let world: World;
let set: PluginSet;
let told: string[];
beforeEach(() => {
  ONE.pluginState.clear();
  vi.useFakeTimers();
  world = new World();
  set = new PluginSet(world.services, 10_000, world.registry);
  told = [];
});
afterEach(() => vi.useRealTimers());

const ONE = { ...backend('a/1'), row: 0, pluginState: new Map<string, unknown>() };
const TWO = backend('a/2');
const leaseOn = (picked: Backend, slot: number) => ({ slot, backend: picked, exchange: EXCHANGE, startedAt: 0 });

const inner = (name: string, instance: Partial<StrategyInstance>, onCreate: (host: Host) => void = () => {}) =>
  defineStrategy<{}>({
    name, options: {},
    create: (_options, host) => {
      onCreate(host);
      return { update: () => {}, select: () => undefined, ...instance };
    },
  })();
/** Asks each in turn. */
const firstOf = defineStrategy<{ over: readonly AnyStrategyUse[] }, 'any', 'inner'>({
  name: 'first-of', kind: 'inner', options: { over: { type: 'array', items: { type: 'strategy' } } },
  create({ over }, host) {
    const each = over.map((use) => host.strategy(use));
    const pickers = new Pickers(each);
    return {
      update: (members) => each.forEach((one) => one.update(members)),
      select: (exchange, pool) => {
        for (const one of each) {
          const picked = pickers.select(one, exchange, pool);
          if (picked !== undefined) return picked;
        }
        return undefined;
      },
      ...pickers.callbacks(),
    };
  },
});
const create = (...over: AnyStrategyUse[]) => set.createStrategy(firstOf({ over }), 'api').instance;

describe('an inner strategy', () => {
  it('is told the leases on its own picks, and no others', () => {
    const hears = (name: string, picks: Backend | undefined): AnyStrategyUse => inner(name, {
      select: () => picks, onStart: (lease) => void told.push(`${name} starts ${lease.slot}`), onEnd: (lease) => void told.push(`${name} ends ${lease.slot}`),
    });
    let first: Backend | undefined = ONE;
    const strategy = create(inner('one', { select: () => first, onStart: (lease) => void told.push(`one starts ${lease.slot}`), onEnd: (lease) => void told.push(`one ends ${lease.slot}`) }), hears('two', TWO));
    const pool = poolOf([ONE, TWO]);
    expect(strategy.select(EXCHANGE, pool)).toBe(ONE);
    strategy.onStart!(leaseOn(ONE, 0));
    first = undefined;
    expect(strategy.select(EXCHANGE, pool)).toBe(TWO);
    strategy.onStart!(leaseOn(TWO, 1));
    strategy.onEnd!(leaseOn(ONE, 0), OUTCOME);
    strategy.onEnd!(leaseOn(TWO, 1), OUTCOME);
    expect(told).toEqual(['one starts 0', 'two starts 1', 'one ends 0', 'two ends 1']);
  });

  it('that throws counts against itself, and the one around it goes on', () => {
    const strategy = create(inner('broken', { select: () => { throw new Error('boom'); } }), inner('two', { select: () => TWO }));
    expect(strategy.select(EXCHANGE, poolOf([ONE, TWO]))).toBe(TWO);
    expect(world.lines[0]).toMatchObject({ plugin: 'broken', place: 'pool api, in first-of', hook: 'selectBackend' });
  });

  it('whose pick is not available is taken as having none', () => {
    const strategy = create(inner('blind', { select: () => ONE }), inner('two', { select: () => TWO }));
    expect(strategy.select(EXCHANGE, poolOf([TWO]))).toBe(TWO);
    expect(world.lines[0]).toMatchObject({ plugin: 'blind', error: expect.stringContaining('which is not available') });
  });

  it('keeps its state beside backends apart from one of the same name, and finds it again in the next generation', () => {
    const counting = (): AnyStrategyUse => {
      let countOf!: (backend: Backend) => { picks: number };
      return inner('counting', { select: () => { told.push(`${++countOf(ONE).picks}`); return ONE; } }, (host) => { countOf = host.perBackend(() => ({ picks: 0 })); });
    };
    const ask = (strategy: StrategyInstance): void => void strategy.select(EXCHANGE, poolOf([ONE]));
    ask(create(counting(), counting()));
    ask(create(inner('none', {}), counting()));
    ask(create(counting(), counting()));
    expect(told).toEqual(['1', '1', '2']);
  });

  it('takes the snapshot of its like, and of no other', () => {
    const keeping = (name: string): AnyStrategyUse => inner(name, { snapshot: () => `state of ${name}`, adopt: (state) => void told.push(`${name} adopts ${String(state)}`) });
    const before = create(keeping('one'), keeping('two'));
    create(keeping('one'), keeping('other')).adopt!(before.snapshot!());
    expect(told).toEqual(['one adopts state of one']);
  });

  it('says its scores with the weights that it was told last, nothing of who is no member, and nothing where it fails', () => {
    const strategy = create(inner('scores', { score: ({ weight }) => 1 / weight }));
    const score = (of: Backend): number | undefined => strategy.score!({ backend: of, weight: 100 }, EXCHANGE);
    strategy.update([{ backend: ONE, weight: 4 }]);
    expect([score(ONE), score(TWO)]).toEqual([0.25, undefined]);
    strategy.update([{ backend: TWO, weight: 2 }]);
    expect([score(ONE), score(TWO)]).toEqual([undefined, 0.5]);
    const failing = create(inner('fails', { score: () => { throw new Error('no score'); } }));
    failing.update([{ backend: ONE, weight: 1 }]);
    expect(failing.score!({ backend: ONE, weight: 1 }, EXCHANGE)).toBeUndefined();
    const silent = create(inner('silent', {}));
    silent.update([{ backend: ONE, weight: 1 }]);
    expect(silent.score!({ backend: ONE, weight: 1 }, EXCHANGE)).toBeUndefined();
  });
  it('cannot be made once create has returned, nor of what is no strategy', () => {
    let late!: Host;
    set.createStrategy(inner('outer', {}, (host) => { late = host; }), 'api');
    expect(() => late.strategy(inner('x', {}))).toThrow('its create has returned');
    expect(() => create(7 as never)).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_CREATE' }));
  });
});

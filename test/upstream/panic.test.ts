/** When the health of a pool is not believed any more. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';
import { isPanicking } from '../../core/src/upstream/panic.ts';
import { backendOf, poolOf, specOf } from './world.ts';

const members = (health: readonly string[], draining: readonly boolean[] = []) => health.map((each, i) => ({ health: each, draining: draining[i] ?? false })) as BackendState[];

describe('isPanicking', () => {
  it.each<[number, string[], boolean]>([
    [0.5, ['up', 'down'], false],
    [0.5, ['up', 'down', 'down'], true],
    [1, ['up', 'down'], true],
    [1, ['up', 'up'], false],
    [0.5, ['down'], true],
    [0, ['down', 'down'], false],
    [0.5, [], false],
    [0.5, ['unknown', 'unknown', 'unknown', 'up'], false],
    [0.5, ['unknown', 'unknown'], false],
  ])('at %d of %j: %s', (threshold, health, expected) => {
    expect(isPanicking(members(health), threshold, false)).toBe(expected);
  });
  it('counts an unknown member as healthy where it gets traffic', () => {
    expect([isPanicking(members(['unknown', 'down']), 0.6, true), isPanicking(members(['unknown', 'down']), 0.5, true)]).toEqual([true, false]);
  });
  it('leaves draining members out, healthy or not', () => {
    expect(isPanicking(members(['up', 'up', 'down'], [true, true, false]), 0.5, false)).toBe(true);
    expect(isPanicking(members(['down', 'down', 'up'], [true, true, false]), 0.5, false)).toBe(false);
  });
  it('is not begun by one more healthy member, nor by a lower threshold', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('up', 'down'), { maxLength: 12 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (health, one, two) => {
      const [low, high] = [Math.min(one, two), Math.max(one, two)];
      if (isPanicking(members(health), high, false)) return true;
      return !isPanicking(members([...health, 'up']), high, false) && !isPanicking(members(health), low, false);
    }));
  });
});

describe('a pool in a panic', () => {
  it('has its marked members available, and neither those that drain, nor those at their limit, nor unknown ones', () => {
    const board = Scoreboard.create({ workers: 0, isShared: false });
    const names = ['down', 'draining', 'full', 'unknown', 'up'] as const;
    const backends = names.map((name) => backendOf(board, name));
    const [down, draining, full, unknown, up] = backends as [BackendState, BackendState, BackendState, BackendState, BackendState];
    draining.configure(specOf('draining', { drain: true }));
    full.configure(specOf('full', { maxInFlight: 1 }));
    full.acquire();
    for (const member of [draining, full, up]) member.clear('check', 'good');
    const pool = poolOf(board, backends, { panicThreshold: 0.9 }, true);
    const available = () => backends.filter((member) => pool.isAvailable(member)).map(({ host }) => host);
    for (const member of [down, full]) member.mark('check', 'bad', 0);
    pool.healthChanged();
    expect(available()).toEqual(['down', 'up']);
    full.giveBack();
    expect(available()).toEqual(['down', 'full', 'up']);
    for (const member of [down, full]) member.clear('check', 'good');
    pool.healthChanged();
    down.mark('check', 'bad', 0);
    expect([unknown.health, available()]).toEqual(['unknown', ['full', 'up']]);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotTable } from '@steelyard/sdk';
import { world, type FakeBackend } from '@steelyard/sdk/testkit';

function tableOf(owners: readonly number[], health: readonly boolean[]) {
  const w = world();
  const backends = w.backends(health.map((isUp) => ({ health: isUp ? 'up' : 'down' })));
  const slots = new SlotTable();
  slots.set(backends, Uint32Array.from(owners));
  let asked = 0;
  const pool = w.pool(backends);
  const view = { name: 'api', backends, isAvailable: (backend: FakeBackend) => (asked++, pool.isAvailable(backend)) };
  return { slots, backends, view: view as never, asked: () => asked };
}

describe('SlotTable', () => {
  it('gives the owner of a slot, or the first available one behind it, around the circle', () => {
    const backendsUp = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });
    fc.assert(fc.property(backendsUp, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), fc.nat(), (health, raw, at) => {
      const owners = raw.map((one) => one % health.length);
      const slot = at % owners.length;
      const { slots, backends, view } = tableOf(owners, health);
      const circle = [...owners.slice(slot), ...owners.slice(0, slot)];
      const expected = circle.find((owner) => health[owner]);
      const picked = slots.pick(slot, view);
      if (expected !== undefined) expect(picked).toBe(backends[expected]);
      // Who owns nothing is taken when nobody else is left.
      else expect(picked !== undefined).toBe(health.some(Boolean));
    }));
  });

  it('asks each backend once where all are down, however many slots there are', () => {
    const { slots, view, asked } = tableOf(Array.from({ length: 65_537 }, (_, slot) => slot % 5), [false, false, false, false, false]);
    expect(slots.pick(7, view)).toBeUndefined();
    expect(asked()).toBe(5);
  });

  it('finds the one that is up far behind all the slots that are walked', () => {
    const owners = Array.from({ length: 65_537 }, (_, slot) => (slot === 40_000 ? 2 : slot & 1));
    const { slots, backends, view, asked } = tableOf(owners, [false, false, true]);
    expect(slots.pick(0, view)).toBe(backends[2]);
    expect(asked()).toBeLessThanOrEqual(3);
  });

  it('has no pick without slots', () => {
    const { slots, view } = tableOf([], [true]);
    expect(slots.pick(0, view)).toBeUndefined();
    expect(slots.pick(Number.NaN, view)).toBeUndefined();
  });
});

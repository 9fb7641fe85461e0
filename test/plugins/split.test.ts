import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import rendezvous from '@steelyard/plugins/rendezvous';
import roundRobin from '@steelyard/plugins/round-robin';
import script from '@steelyard/plugins/script';
import split, { type SplitOptions } from '@steelyard/plugins/split';
import { strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { hash32 } from '@steelyard/sdk';
import { Shares, type Share } from '../../plugins/split/shares.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

const parts = (stable: number, canary: number) => [{ name: 'stable', weight: stable }, { name: 'canary', weight: canary }];
testStrategy(split({ over: [leastConnections(), leastConnections()], parts: parts(9, 1) }), { test, properties: { leastLoaded: true } });

const KEYS = Array.from({ length: 20_000 }, (_, i) => hash32(`client ${i}`));
/** Hoeffding: a share of n keys is further off with a chance below 1e-9. */
const slack = (n: number): number => Math.sqrt(Math.log(2e9) / (2 * n));

/** The part of each key, by name. */
function drawn(shares: readonly Share[]): string[] {
  const drawing = new Shares(shares);
  return KEYS.map((key) => {
    drawing.draw(key);
    return shares[drawing.next()]!.name;
  });
}
const shareOf = (list: readonly string[], name: string): number => list.filter((one) => one === name).length / list.length;

describe('shares', () => {
  it.each([[90, 10], [50, 50], [1, 99], [999, 1], [0.9, 0.1]])('of %d to %d are those of the keys, within what the sample allows', (stable, canary) => {
    expect(Math.abs(shareOf(drawn(parts(stable, canary)), 'canary') - canary / (stable + canary))).toBeLessThan(slack(KEYS.length));
  });
  it('of many parts are in proportion to their weights', () => {
    const shares = [1, 2, 3, 4].map((weight) => ({ name: `part ${weight}`, weight }));
    const list = drawn(shares);
    for (const { name, weight } of shares) expect(Math.abs(shareOf(list, name) - weight / 10)).toBeLessThan(slack(KEYS.length));
  });
  it('from 10 % to 20 % move 10 % of the keys, and nobody leaves the canary', () => {
    const [before, after] = [drawn(parts(90, 10)), drawn(parts(80, 20))];
    expect(before.filter((part, i) => part === 'canary' && after[i] !== 'canary')).toEqual([]);
    const moved = before.filter((part, i) => part !== after[i]).length / KEYS.length;
    expect(Math.abs(moved - 0.1)).toBeLessThan(slack(KEYS.length));
  });
  it('move keys into the part whose weight rises, and from nowhere else to elsewhere', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 6 }).filter((list) => list.some((weight) => weight > 0));
    fc.assert(fc.property(weights, fc.nat(), fc.integer({ min: 1, max: 50 }), fc.integer(), (list, which, more, key) => {
      const at = which % list.length;
      const named = (all: number[]) => new Shares(all.map((weight, i) => ({ name: `part ${i}`, weight })));
      const [before, after] = [named(list), named(list.with(at, list[at]! + more))];
      before.draw(key);
      after.draw(key);
      const [old, now] = [before.next(), after.next()];
      return now === old || now === at;
    }), { seed: 7 });
  });
  it('do not depend on the order of the parts', () => {
    expect(drawn(parts(7, 3).toReversed())).toEqual(drawn(parts(7, 3)));
  });
  it('name each part with a weight once, the next being that of a draw without those before', () => {
    const three = [{ name: 'a', weight: 1 }, { name: 'b', weight: 2 }, { name: 'none', weight: 0 }, { name: 'c', weight: 3 }];
    for (const key of KEYS.slice(0, 300)) {
      const all = new Shares(three);
      all.draw(key);
      const order = [all.next(), all.next(), all.next()];
      expect([new Set(order), all.next()]).toEqual([new Set([0, 1, 3]), -1]);
      const without = new Shares(three.map((share, i) => (i === order[0] ? { ...share, weight: 0 } : share)));
      without.draw(key);
      expect(without.next()).toBe(order[1]);
    }
  });
});

describe('split', () => {
  const v1 = { version: 'v1' };
  const v2 = { version: 'v2' };
  const byVersion = (stable: number, canary: number): SplitOptions['parts'] => [{ name: 'stable', weight: stable, labels: v1 }, { name: 'canary', weight: canary, labels: v2, zone: 'z' }];
  const started = (options: Partial<SplitOptions> = {}) => {
    const w = world({ seed: 7 });
    const use = split({ key: { header: 'x-user' }, over: [roundRobin(), roundRobin()], parts: byVersion(1, 1), ...options });
    const strategy = strategyUnderTest(use, w);
    const [a, b, c] = w.backends([{ id: 'a', labels: v1 }, { id: 'b', labels: v1 }, { id: 'c', labels: v2, zone: 'z' }]) as [FakeBackend, FakeBackend, FakeBackend];
    strategy.update([a, b, c]);
    const visit = (user: string) => strategy.select(w.exchange({ headers: { 'x-user': user } }))?.id;
    const picks = (part: string, result: string) => {
      w.advance(1_000);
      return strategy.host.metrics.value('split_picks_total', 'api', part, result) ?? 0;
    };
    return { w, strategy, a, b, c, visit, picks };
  };
  const users = Array.from({ length: 60 }, (_, i) => `user ${i}`);

  it('brings a key to the same part at each visit, and after a reload', () => {
    const { strategy, visit, w, picks } = started();
    const first = users.map((user) => visit(user) === 'c');
    expect(new Set(first)).toEqual(new Set([true, false]));
    expect(users.map((user) => visit(user) === 'c')).toEqual(first);
    expect(picks('stable', 'own') + picks('canary', 'own')).toBe(120);
    const next = strategy.reload();
    expect(users.map((user) => next.select(w.exchange({ headers: { 'x-user': user } }))?.id === 'c')).toEqual(first);
  });
  it('leaves the rest of the choice to the strategy of the part', () => {
    const { visit } = started({ parts: byVersion(1, 0) });
    expect(['x', 'x', 'x'].map(visit)).toEqual(['a', 'b', 'a']);
  });
  it('goes by the weights where there is no key', () => {
    const { strategy, w } = started({ parts: byVersion(4, 1) });
    const canary = Array.from({ length: 10_000 }, () => strategy.select(w.exchange())!.id).filter((id) => id === 'c').length / 10_000;
    expect(Math.abs(canary - 0.2)).toBeLessThan(slack(10_000));
  });
  it('spills where nobody of the part is available, and comes back', () => {
    const { visit, c, picks } = started();
    const first = users.map(visit);
    const canaries = users.filter((_, i) => first[i] === 'c');
    c.health = 'down';
    expect(users.map(visit)).not.toContain('c');
    expect(picks('stable', 'spilled')).toBe(canaries.length);
    c.health = 'up';
    expect(new Set(canaries.map(visit))).toEqual(new Set(['c']));
  });
  it('has no backend for such a key where spill is false', () => {
    const { visit, c } = started({ spill: false });
    const canaries = users.filter((user) => visit(user) === 'c');
    c.health = 'down';
    expect(new Set(canaries.map(visit))).toEqual(new Set([undefined]));
    expect(users.filter((user) => visit(user) === undefined)).toEqual(canaries);
  });
  it('spills nothing into a part of weight 0', () => {
    const { visit, a, b } = started({ parts: byVersion(1, 0) });
    a.health = b.health = 'down';
    expect(visit('x')).toBeUndefined();
  });
  it('splits one set of backends between two strategies', () => {
    const { visit } = started({ over: [script({ select: () => undefined }), roundRobin()], parts: parts(0, 1), key: { header: 'x-user' } });
    expect(['x', 'y', 'z'].map(visit)).toEqual(['a', 'b', 'c']);
  });
  it('counts a backend to a part that has all of its labels, and is in its zone', () => {
    const { strategy, w } = started({ parts: [{ name: 'stable', weight: 0 }, { name: 'canary', weight: 1, labels: { version: 'v2', size: 'big' }, zone: 'z' }] });
    const both = { version: 'v2', size: 'big' };
    strategy.update(w.backends([{ id: 'one label', labels: v2, zone: 'z' }, { id: 'no zone', labels: both }, { id: 'right', labels: both, zone: 'z' }, { id: 'zone alone', zone: 'z' }]));
    expect(new Set(strategy.picks(20).map((backend) => backend!.id))).toEqual(new Set(['right']));
  });
  it('tells a lease to the strategy that picked', () => {
    const { strategy, w } = started({ over: [leastConnections(), leastConnections()], parts: byVersion(1, 0) });
    const [one, two] = [strategy.pick(w.exchange())!, strategy.pick(w.exchange())!];
    expect([one.backend.id, two.backend.id].toSorted()).toEqual(['a', 'b']);
  });
  it('leaves a hash inside a part as even as it was, though both go by the same key', () => {
    const { strategy, w } = started({ key: 'address', over: [rendezvous(), rendezvous()], parts: parts(1, 1) });
    const ids = KEYS.slice(0, 10_000).map((_, i) => strategy.select(w.exchange({ clientAddress: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` }))!.id);
    for (const id of ['a', 'b', 'c']) expect(Math.abs(shareOf(ids, id) - 1 / 3)).toBeLessThan(slack(ids.length));
  });
  it.each([[true, 'go to other parts'], [false, 'get no backend']])('names parts that have no backend, once, where spill is %s', (spill, what) => {
    const w = world();
    const strategy = strategyUnderTest(split({ over: [roundRobin(), roundRobin(), roundRobin()], parts: [...parts(9, 1), { name: 'v3', weight: 1, labels: { version: '3' } }], spill }), w);
    const told = (): unknown[] => strategy.host.lines.map(({ message, fields }) => [message, fields['parts']]);
    strategy.update([]);
    const [one, two] = w.backends([{}, {}]);
    strategy.update([one!]);
    strategy.update([one!, two!]);
    expect(told()).toEqual([[`no backend has the labels and the zone of these parts: their keys ${what}`, ['v3']]]);
    strategy.update([one!, ...w.backends([{ labels: { version: '3' } }])]);
    strategy.update([one!]);
    expect(told()).toHaveLength(2);
  });
  it('names backends that belong to no part, once', () => {
    const { strategy } = started({ parts: byVersion(1, 0) });
    const warnings = () => strategy.host.lines.filter(({ level }) => level === 'warn');
    expect(warnings()).toMatchObject([{ fields: { backends: ['c'] } }]);
    strategy.update([...strategy.members]);
    expect(warnings()).toHaveLength(1);
  });
  it.each<[string, Partial<SplitOptions>]>([
    ['2 strategies', { parts: [...parts(1, 1), { name: 'third', weight: 1 }] }],
    ['two parts are named "x"', { parts: [{ name: 'x', weight: 1 }, { name: 'x', weight: 2 }] }],
    ['all parts have weight 0', { parts: parts(0, 0) }],
  ])('refuses what makes no sense: %s', (message, options) => {
    expect(() => started(options)).toThrow(message);
  });
  it('is of the kind and the protocol of what is inside', () => {
    const { protocol, strategyKind } = split({ over: [roundRobin(), rendezvous()], parts: parts(1, 1) });
    expect([protocol, strategyKind]).toEqual(['any', 'hash']);
  });
  it('allocates nothing of its own', () => {
    expect(bytesPerPick(split({ over: [roundRobin(), roundRobin()], parts: parts(1, 1) }), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });
});

import { describe, expect, it, test } from 'vitest';
import roundRobin from '@steelyard/plugins/round-robin';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import type { StrategyUnderTest } from '@steelyard/sdk/testkit';
import { bytesPerPick } from './pick-bytes.ts';

testStrategy(roundRobin(), { test, properties: { even: true, everyBackend: true } });

/** A pool of backends called a, b, c ... */
function started(names: string) {
  const w = world({ seed: 7 });
  const strategy = strategyUnderTest(roundRobin(), w);
  const named = Object.fromEntries(w.backends(names.split('').map((id) => ({ id }))).map((backend) => [backend.id, backend]));
  const members = (wanted: string) => wanted.split('').map((id) => (named[id] ??= w.backends([{ id }])[0]!));
  strategy.update(members(names));
  return { strategy, members, named };
}
const picks = (strategy: StrategyUnderTest, count: number) => strategy.picks(count).map((backend) => backend?.id ?? '-').join('');

describe('round-robin', () => {
  it('goes round in the order of the config', () => {
    expect(picks(started('abc').strategy, 7)).toBe('abcabca');
  });

  it('passes over who is unavailable, and gives the turn to nobody in particular', () => {
    const { strategy, named } = started('abcd');
    named.b!.health = 'down';
    named.c!.draining = true;
    expect(picks(strategy, 6)).toBe('adadad');
  });

  it('does not look at weights, but gives nothing to weight 0', () => {
    const { strategy, named } = started('abc');
    strategy.update([{ backend: named.a!, weight: 100 }, { backend: named.b!, weight: 0 }, { backend: named.c!, weight: 1 }]);
    expect(picks(strategy, 4)).toBe('acac');
    named.a!.health = named.c!.health = 'down';
    expect(strategy.select()).toBeUndefined();
  });

  it.each([
    ['one behind the place is added', 'abcd', 3, 'abcxd', 'xda'],
    ['one before the place is added', 'abcd', 2, 'xabcd', 'cdx'],
    ['the last pick leaves', 'abcd', 2, 'acd', 'cda'],
    ['the next one leaves', 'abcd', 2, 'abd', 'dab'],
    ['the first pick leaves', 'abcd', 1, 'bcd', 'bcd'],
    ['all up to the place leave', 'abcd', 3, 'de', 'ede'],
    ['all of them are replaced', 'abcd', 2, 'xyz', 'xyz'],
    ['the order is turned round', 'abcd', 2, 'dcba', 'adc'],
    ['nobody was picked yet', 'abcd', 0, 'bcd', 'bcd'],
  ])('keeps its place by backend when %s', (_what, before, had, after, next) => {
    const { strategy, members } = started(before);
    strategy.picks(had);
    strategy.update(members(after));
    expect(picks(strategy, 3)).toBe(next);
  });

  it('keeps its place while the pool is empty', () => {
    const { strategy, members } = started('abc');
    strategy.picks(1);
    strategy.update([]);
    expect(strategy.select()).toBeUndefined();
    strategy.update(members('abc'));
    expect(picks(strategy, 3)).toBe('bca');
  });

  it('keeps its place over a reload, whether the members or the snapshot come first', () => {
    const { strategy } = started('abc');
    strategy.picks(2);
    expect(picks(strategy.reload(), 3)).toBe('cab');

    const late = strategyUnderTest(roundRobin(), world());
    late.instance.adopt!(strategy.instance.snapshot!());
    late.update(strategy.members);
    expect(picks(late, 3)).toBe('cab');
  });

  it('gives a snapshot that survives JSON', () => {
    const { strategy } = started('abc');
    strategy.picks(2);
    expect(JSON.parse(JSON.stringify(strategy.instance.snapshot!()))).toEqual(['b', 'a', 'c']);
  });

  it('allocates nothing in a pick', () => {
    expect(bytesPerPick(roundRobin(), 0)).toBe(0);
  });
});

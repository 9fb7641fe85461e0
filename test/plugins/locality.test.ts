import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import locality from '@steelyard/plugins/locality';
import roundRobin from '@steelyard/plugins/round-robin';
import { strategyUnderTest, testStrategy, world, type FakeBackend, type World } from '@steelyard/sdk/testkit';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(locality({ zone: 'here', over: leastConnections() }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

function started(overprovisioning = 1) {
  const w = world({ seed: 7 });
  const strategy = strategyUnderTest(locality({ zone: 'here', over: roundRobin(), overprovisioning }), w);
  const [a, b, x, y] = w.backends([{ id: 'a', zone: 'here' }, { id: 'b', zone: 'here' }, { id: 'x', zone: 'there' }, { id: 'y' }]) as [FakeBackend, FakeBackend, FakeBackend, FakeBackend];
  strategy.update([a, x, b, y]);
  return { w, strategy, a, b, x, y };
}
function turn(w: World, backend: FakeBackend, to: 'up' | 'down'): void {
  const from = backend.health;
  backend.health = to;
  w.hooks.onHealthChange.call({ backend, from, to, source: 'check', reason: 'a test' });
}
const namesOf = (picked: ({ id: string } | undefined)[]) => [...new Set(picked.map((one) => one!.id))].toSorted().join('');

describe('locality', () => {
  it('stays at home while home is whole', () => {
    expect(namesOf(started().strategy.picks(50))).toBe('ab');
  });
  it('spills in proportion to what home has lost, and comes back', () => {
    const { w, strategy, a } = started();
    turn(w, a, 'down');
    const picked = strategy.picks(2_000);
    const home = picked.filter((one) => one!.id === 'b').length;
    // Hoeffding: further away with a chance below 1e-9.
    expect(Math.abs(home - 1_000)).toBeLessThan(150);
    expect(namesOf(picked)).toBe('bxy');
    turn(w, a, 'up');
    expect(namesOf(strategy.picks(50))).toBe('ab');
  });
  it('does not spill into zones that are all down', () => {
    const { w, strategy, a, x, y } = started();
    for (const backend of [a, x, y]) turn(w, backend, 'down');
    expect(namesOf(strategy.picks(50))).toBe('b');
  });
  it('leaves home where home has nobody, or nobody for this exchange', () => {
    const { w, strategy, a, b } = started();
    strategy.pool.tried.add(a).add(b);
    expect(namesOf(strategy.picks(50))).toBe('xy');
    strategy.pool.tried.clear();
    for (const backend of [a, b]) turn(w, backend, 'down');
    expect(namesOf(strategy.picks(50))).toBe('xy');
  });
  it('allocates nothing', () => {
    expect(bytesPerPick(locality({ zone: 'here', over: roundRobin() }), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });
  it('tells of a zone that no backend has, once, with those that they have', () => {
    const w = world();
    const strategy = strategyUnderTest(locality({ zone: 'eu-1', over: leastConnections() }), w);
    const [one, two, home] = w.backends([{ zone: 'eu1' }, { zone: 'eu2' }, { zone: 'eu-1' }]);
    strategy.update([]);
    strategy.update([one!]);
    strategy.update([one!, two!]);
    expect(strategy.host.lines).toMatchObject([{ level: 'warn', message: 'no backend is in this zone: others take everything', fields: { zone: 'eu-1', zones: ['eu1'] } }]);
    strategy.update([one!, home!]);
    strategy.update([two!]);
    expect(strategy.host.lines).toHaveLength(2);
  });
});

import { describe, expect, it, test } from 'vitest';
import joinIdleQueue from '@steelyard/plugins/join-idle-queue';
import { strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(joinIdleQueue(), { test, properties: { even: true, everyBackend: true, avoidsMostLoaded: true } });

describe('join-idle-queue', () => {
  const started = (ids: string) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(joinIdleQueue(), w);
    const named = Object.fromEntries(w.backends(ids.split('').map((id) => ({ id }))).map((backend) => [backend.id, backend])) as Record<string, FakeBackend>;
    strategy.update(Object.values(named));
    const pick = () => strategy.pick()!;
    return { w, strategy, named, pick };
  };

  it('takes whoever has been idle longest', () => {
    const { pick } = started('abc');
    const leases = [pick(), pick(), pick()];
    expect(leases.map(({ backend }) => backend.id)).toEqual(['a', 'b', 'c']);
    for (const which of [1, 2, 0]) leases[which]!.end();
    expect([pick(), pick(), pick()].map(({ backend }) => backend.id)).toEqual(['b', 'c', 'a']);
  });
  it('never passes over an idle backend, under any load', () => {
    const { w, strategy, named } = started('abcdefgh');
    const open: ReturnType<typeof strategy.pick>[] = [];
    for (let step = 0; step < 5_000; step++) {
      if (w.random.next() < 0.5 && open.length > 0) open.splice(Math.floor(w.random.next() * open.length), 1)[0]!.end();
      else {
        const isAnyIdle = Object.values(named).some(({ inFlight }) => inFlight === 0);
        const lease = strategy.pick()!;
        if (isAnyIdle) expect(lease.backend.inFlight).toBe(1);
        open.push(lease);
      }
    }
  });
  it('does not lose who was idle and unavailable: tried in one exchange, or down for a while', () => {
    const { strategy, named } = started('abc');
    strategy.pool.tried.add(named['a']!);
    expect(strategy.picks(2).map((backend) => backend!.id)).toEqual(['b', 'c']);
    strategy.pool.tried.clear();
    named['b']!.health = 'down';
    expect(strategy.picks(2).map((backend) => backend!.id)).toEqual(['a', 'c']);
    named['b']!.health = 'up';
    expect(strategy.picks(3).map((backend) => backend!.id).toSorted()).toEqual(['a', 'b', 'c']);
  });
  it('drops who got work from another worker meanwhile', () => {
    const { named, pick } = started('abc');
    named['a']!.inFlight = 1;
    expect(pick().backend.id).toBe('b');
  });
  it('sends to the less loaded of two different ones when nobody is idle, each pair equally likely', () => {
    const { strategy, named } = started('abcde');
    // Of the ten pairs a, the least loaded, is in four, and decides them; b decides three, c two, d one, e none.
    Object.values(named).forEach((backend, i) => (backend.inFlight = i + 1));
    const picks = 10_000;
    const had = 'abcde'.split('').map((id) => strategy.picks(picks).filter((backend) => backend!.id === id).length);
    // Hoeffding: further than 340 from the mean once in a billion, for five counts.
    [0.4, 0.3, 0.2, 0.1].forEach((share, i) => expect(Math.abs(had[i]! - share * picks)).toBeLessThan(340));
    expect(had[4]).toBe(0);
  });
  it('keeps the queue when members come and go', () => {
    const { w, strategy, named, pick } = started('abc');
    pick().end();
    strategy.update([named['a']!, named['c']!, w.backends([{ id: 'd' }])[0]!]);
    expect([pick(), pick(), pick()].map(({ backend }) => backend.id)).toEqual(['c', 'a', 'd']);
  });
  it('hears behind a reload of what was picked before it', () => {
    const { strategy } = started('ab');
    const lease = strategy.pick()!;
    const next = strategy.reload();
    lease.end();
    expect([next.pick()!, next.pick()!].map(({ backend }) => backend.id)).toEqual(['b', 'a']);
  });
  it('allocates nothing but what chance costs', () => {
    expect(bytesPerPick(joinIdleQueue(), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });
});

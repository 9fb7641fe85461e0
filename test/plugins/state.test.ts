/** What strategies have learned stays when members come and go, and over reloads. Each strategy's own state is in its own test; here is what they have in common. */
import { describe, expect, it } from 'vitest';
import { answered, strategyUnderTest, world, type FakeBackend, type StrategyUnderTest } from '@steelyard/sdk/testkit';
import leastTime from '@steelyard/plugins/least-time';
import peakEwma from '@steelyard/plugins/peak-ewma';
import roundRobin from '@steelyard/plugins/round-robin';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';

describe.each([peakEwma(), leastTime()])('the latencies of $name', (use) => {
  /** One that knows a for slow and b for fast. */
  const taught = () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(use, w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    for (let round = 0; round < 20; round++) {
      for (const [backend, ms] of [[a, 90], [b, 5]] as const) {
        const lease = strategy.open(backend);
        w.advance(ms);
        lease.end(answered(200, { firstByteMs: ms, durationMs: ms }));
      }
    }
    const sent = (picker: StrategyUnderTest) => picker.picks(40).filter((backend) => backend === a).length;
    return { w, strategy, a, b, sent };
  };

  it('stay over a reload', () => {
    const { strategy, sent } = taught();
    expect(sent(strategy)).toBe(0);
    expect(sent(strategy.reload())).toBe(0);
  });
  it('stay when another comes and leaves, and when weights change', () => {
    const { w, strategy, a, b, sent } = taught();
    const [c] = w.backends([{ id: 'c' }]) as [FakeBackend];
    for (const members of [[a, b, c], [b, a], [{ backend: a, weight: 2 }, { backend: b, weight: 2 }]]) {
      strategy.update(members);
      expect(sent(strategy)).toBe(0);
    }
  });
  it('are those of a backend, not of its place: who comes anew under the same id is unknown', () => {
    const { w, strategy, a, b } = taught();
    strategy.update([b]);
    w.forget(a);
    const [again] = w.backends([{ id: 'a' }]) as [FakeBackend];
    strategy.update([again, b]);
    expect(strategy.picks(40)).toContain(again);
  });
});

describe.each([[roundRobin(), 1], [weightedRoundRobin(), 1], [weightedRoundRobin(), 3]] as const)('the turns of $name', (use, weight) => {
  it('go on under churn: nobody who stays is passed over or served twice in a round', () => {
    const w = world({ seed: 7 });
    let strategy = strategyUnderTest(use, w);
    const steady = w.backends(Array.from({ length: 5 }, (_, i) => ({ id: `s${i}`, weight })));
    strategy.update(steady);
    const counts = new Map(steady.map((backend) => [backend, 0]));
    for (let step = 0; step < 60; step++) {
      const guest = w.backends([{ id: `g${step}`, weight }]);
      // The guest stands behind the others, so that their order is the same with it and without.
      strategy.update(step % 2 === 0 ? [...steady, ...guest] : steady);
      if (step % 7 === 0) strategy = strategy.reload();
      for (const backend of strategy.picks(1 + (step % 4))) if (counts.has(backend as FakeBackend)) counts.set(backend as FakeBackend, counts.get(backend as FakeBackend)! + 1);
    }
    const had = [...counts.values()];
    expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(2);
    expect(Math.min(...had)).toBeGreaterThan(15);
  });
});

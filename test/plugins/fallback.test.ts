import { describe, expect, it, test } from 'vitest';
import fallback from '@steelyard/plugins/fallback';
import leastConnections from '@steelyard/plugins/least-connections';
import roundRobin from '@steelyard/plugins/round-robin';
import script from '@steelyard/plugins/script';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { bytesPerPick } from './pick-bytes.ts';

const noOpinion = script({ select: () => undefined });
testStrategy(fallback({ over: [noOpinion, leastConnections()] }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

describe('fallback', () => {
  it('asks the next one only when those before it have no pick', () => {
    const w = world();
    const asked: number[] = [];
    const only = (label: string, which: number) => script({ select: (_exchange, pool, { members }) => {
      asked.push(which);
      return members.find(({ backend }) => backend.labels['for'] === label && pool.isAvailable(backend))?.backend;
    } });
    const strategy = strategyUnderTest(fallback({ over: [only('a', 0), only('b', 1), roundRobin()] }), w);
    const [a, b] = w.backends([{ id: 'a', labels: { for: 'a' } }, { id: 'b', labels: { for: 'b' } }]);
    strategy.update([a!, b!]);
    expect(strategy.select()).toBe(a);
    a!.health = 'down';
    expect(strategy.select()).toBe(b);
    expect(asked).toEqual([0, 0, 1]);
  });
  it('keeps the place of each over a reload', () => {
    const w = world();
    const strategy = strategyUnderTest(fallback({ over: [noOpinion, roundRobin()] }), w);
    strategy.update(w.backends([{ id: 'a' }, { id: 'b' }, { id: 'c' }]));
    expect(strategy.picks(2).map((backend) => backend!.id)).toEqual(['a', 'b']);
    expect(strategy.reload().picks(2).map((backend) => backend!.id)).toEqual(['c', 'a']);
  });
  it('is of the kind and the protocol of what is inside', () => {
    expect([fallback({ over: [roundRobin(), roundRobin()] }).protocol, fallback({ over: [roundRobin(), noOpinion] }).protocol]).toEqual(['any', 'http']);
  });
  it('allocates nothing', () => {
    expect(bytesPerPick(fallback({ over: [noOpinion, roundRobin()] }), 0)).toBe(0);
  });
});

import { describe, expect, it, test } from 'vitest';
import script from '@steelyard/plugins/script';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';

testStrategy(script({ select: (_exchange, pool, { members }) => members.map(({ backend }) => backend).find((backend) => pool.isAvailable(backend)) }), { test });

describe('script', () => {
  it('is given the request, the pool, the members that take traffic, and chance and time of the host', () => {
    const w = world({ seed: 7 });
    const seen: unknown[] = [];
    const strategy = strategyUnderTest(script({
      select: ({ request }, pool, { members, random, now }) => {
        seen.push(request.path, members.length, random() < 1, now() === w.now());
        return members.find(({ backend }) => backend.labels['version'] === request.header('x-version') && pool.isAvailable(backend))?.backend;
      },
    }), w);
    strategy.update(w.backends([{ labels: { version: 'v1' } }, { labels: { version: 'v2' } }, { labels: { version: 'v3' }, weight: 0 }]));
    const ask = (version: string) => strategy.select(w.exchange({ target: '/cart', headers: { 'X-Version': version } }))?.labels['version'];
    expect([ask('v2'), ask('v3')]).toEqual(['v2', undefined]);
    expect(seen.slice(0, 4)).toEqual(['/cart', 2, true, true]);
  });
});

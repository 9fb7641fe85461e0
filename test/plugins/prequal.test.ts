import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Backend, PoolView } from '@steelyard/sdk';
import prequal, { type PrequalOptions } from '@steelyard/plugins/prequal';
import { strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { parseAnswer } from '../../plugins/prequal/answer.ts';
import { ProbePool, usesPerAnswer } from '../../plugins/prequal/probe-pool.ts';
import { httpOrigin } from '../e2e/support/origin.ts';
import { proxyTo, start } from '../e2e/support/balancer.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(prequal({ probePath: '/load' }), { test, properties: { weighted: true, everyBackend: true } });

const named = (id: string) => ({ id }) as Backend;
const everybody = { isAvailable: () => true } as unknown as PoolView;
const poolWith = (hotQuantile: number, answers: readonly (readonly [string, number, number])[], size = 16) => {
  const pool = new ProbePool({ size, maxAgeMs: 1_000, hotQuantile });
  answers.forEach(([id, rif, latencyMs], i) => pool.add(named(id), { rif, latencyMs }, i, 1));
  return pool;
};
const bestOf = (pool: ProbePool, view = everybody) => {
  const place = pool.best(view);
  return place < 0 ? undefined : pool.use(place).id;
};

describe('the hot-cold rule', () => {
  it('takes the least latency among the cold, whatever the hot ones have', () => {
    expect(bestOf(poolWith(0.6, [['a', 1, 30], ['b', 2, 20], ['c', 3, 40], ['hot', 9, 1], ['hotter', 10, 2]]))).toBe('b');
  });
  it('takes the least in flight where all are hot', () => {
    const pool = poolWith(0, [['low', 0, 99], ['a', 5, 1], ['b', 4, 90], ['c', 6, 2]]);
    expect(bestOf(pool, { isAvailable: ({ id }: Backend) => id !== 'low' } as unknown as PoolView)).toBe('b');
  });
  it('goes by latency alone at quantile 1, by in-flight alone at 0', () => {
    const answers = [['a', 9, 1], ['b', 0, 5], ['c', 4, 3]] as const;
    expect([bestOf(poolWith(1, answers)), bestOf(poolWith(0, answers))]).toEqual(['a', 'b']);
  });
  it('never takes a hot one while a cold one is available, and none that is not available', () => {
    const answer = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat(20), fc.nat(100));
    fc.assert(fc.property(fc.array(answer, { minLength: 1, maxLength: 16 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']), (answers, quantile, up) => {
      const pool = poolWith(quantile, answers);
      const sorted = answers.map(([, rif]) => rif).toSorted((one, two) => one - two);
      const threshold = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;
      expect(pool.threshold).toBe(threshold);
      const eligible = answers.filter(([id]) => up.includes(id));
      const cold = eligible.filter(([, rif]) => rif <= threshold);
      const picked = bestOf(pool, { isAvailable: ({ id }: Backend) => up.includes(id) } as unknown as PoolView);
      if (eligible.length === 0) return picked === undefined;
      const best = cold.length > 0 ? Math.min(...cold.map(([, , latency]) => latency)) : Math.min(...eligible.map(([, rif]) => rif));
      return cold.length > 0 ? cold.some(([id, , latency]) => id === picked && latency === best) : eligible.some(([id, rif]) => id === picked && rif === best);
    }));
  });
  it('knows the quantile of the last 128 answers, and of no earlier ones', () => {
    fc.assert(fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 400 }), (rifs) => {
      const pool = poolWith(0.84, rifs.map((rif) => ['a', rif, 1] as const));
      const sorted = rifs.slice(-128).toSorted((one, two) => one - two);
      return pool.threshold === sorted[Math.max(0, Math.ceil(0.84 * sorted.length) - 1)];
    }));
  });
});

describe('the answers in hand', () => {
  it('are no more than there are places: the oldest goes', () => {
    const pool = poolWith(1, [['a', 1, 1], ['b', 1, 2], ['c', 1, 3]], 2);
    expect([pool.length, bestOf(pool), bestOf(pool)]).toEqual([2, 'b', 'c']);
  });
  it('are thrown away when they are old', () => {
    const pool = poolWith(1, [['a', 1, 1], ['b', 1, 2]]);
    pool.expire(1_001);
    expect(bestOf(pool)).toBe('b');
  });
  it('count the request that they were used for', () => {
    const pool = new ProbePool({ size: 4, maxAgeMs: 1_000, hotQuantile: 0 });
    pool.add(named('a'), { rif: 0, latencyMs: 1 }, 0, 3);
    pool.add(named('b'), { rif: 1, latencyMs: 1 }, 0, 3);
    // Threshold 0: a is cold at 0, then hot with 1 as b is.
    expect([bestOf(pool), bestOf(pool), bestOf(pool)]).toEqual(['a', 'a', 'b']);
  });
  it('have one of each backend: what it says now takes the place of what it said before', () => {
    const a = named('a');
    const pool = new ProbePool({ size: 4, maxAgeMs: 1_000, hotQuantile: 1 });
    pool.add(a, { rif: 0, latencyMs: 1 }, 0, 9);
    pool.add(named('b'), { rif: 0, latencyMs: 5 }, 0, 9);
    pool.add(a, { rif: 0, latencyMs: 80 }, 1, 9);
    expect([pool.length, bestOf(pool)]).toEqual([2, 'b']);
  });
  it('are degraded by the oldest and the worst in turn', () => {
    const pool = poolWith(0.5, [['old', 1, 1], ['slow', 1, 80], ['hot', 9, 5], ['good', 1, 5]]);
    pool.degrade();
    pool.degrade();
    expect([bestOf(pool), bestOf(pool), pool.length]).toEqual(['good', 'slow', 0]);
  });
});

describe('uses per answer', () => {
  it.each([[16, 100, 3, 1, 1.32, 2], [16, 100, 3, 0, 0.79, 1], [16, 10, 3, 1, Infinity, 16]])('with %d places for %d backends, %d probes and %d removals: %d', (places, backends, probes, removals, _exact, most) => {
    const drawn = Array.from({ length: 100 }, (_, i) => usesPerAnswer(places, backends, probes, removals, 1, i / 100));
    expect(Math.max(...drawn)).toBe(most);
    if (_exact !== Infinity) expect(drawn.reduce((sum, one) => sum + one, 0) / 100).toBeCloseTo(Math.max(1, _exact), 1);
  });
});

describe('a load answer', () => {
  it.each([['rif=12, latency-ms=3.5', { rif: 12, latencyMs: 3.5 }], [' rif=0,latency-ms=0 ', { rif: 0, latencyMs: 0 }]])('is read from %j', (text, expected) => {
    expect(parseAnswer(text)).toEqual(expected);
  });
  it.each([undefined, '', 'rif=1', 'rif=-1, latency-ms=1', 'rif=1e9, latency-ms=1', 'latency-ms=1, rif=1', 'rif=1, latency-ms=1, x=1', 'rif=12345678901, latency-ms=1'])('is none in %j', (text) => {
    expect(parseAnswer(text)).toBeUndefined();
  });
});

describe('prequal', () => {
  const started = (options: PrequalOptions = {}) => {
    const w = world({ seed: 7 });
    const loads = new Map<string, string>();
    w.answerProbes((backend) => ({ status: 200, headers: { 'x-load': loads.get(backend.id) ?? '' }, body: '' }));
    const strategy = strategyUnderTest(prequal({ probePath: '/load', ...options }), w);
    const backends = w.backends(['a', 'b', 'c', 'd'].map((id) => ({ id }))) as [FakeBackend, FakeBackend, FakeBackend, FakeBackend];
    strategy.update(backends);
    const probe = async () => {
      w.advance(5);
      await w.settled();
    };
    return { w, loads, strategy, backends, probe };
  };

  it('probes ahead of the requests, so many for each, different backends, never from within a pick', async () => {
    const { w, strategy, probe } = started();
    strategy.select();
    expect(w.probes).toHaveLength(0);
    await probe();
    expect(w.probes.map(({ request }) => request?.path)).toEqual(['/load', '/load', '/load']);
    expect(new Set(w.probes.map(({ backend }) => backend.id)).size).toBe(3);
    await probe();
    expect(w.probes).toHaveLength(3);
  });
  it('picks by the answers when it has them, by chance before', async () => {
    const { loads, strategy, backends, probe } = started({ probesPerRequest: 4, hotQuantile: 1 });
    for (const [id, latency] of [['a', 50], ['b', 5], ['c', 80], ['d', 90]] as const) loads.set(id, `rif=1, latency-ms=${latency}`);
    strategy.select();
    await probe();
    expect(strategy.select()).toBe(backends[1]);
    const picks = (by: string) => strategy.host.metrics.value('prequal_picks_total', 'api', by);
    expect([picks('chance'), picks('answers')]).toEqual([1, 1]);
  });
  it('keeps to its limit of probes per second, and does not make up for what it left out', async () => {
    const { w, strategy, probe } = started({ probesPerSecond: 10 });
    for (let i = 0; i < 100; i++) {
      strategy.select();
      await probe();
    }
    // Half a second: the first burst of 10, and 5.
    expect(w.probes.length).toBeGreaterThanOrEqual(13);
    expect(w.probes.length).toBeLessThanOrEqual(15);
  });
  it('asks nobody who is down or drains, and takes a probe without an answer for none', async () => {
    const { w, strategy, backends, probe } = started();
    backends[0].health = 'down';
    backends[1].draining = true;
    for (let i = 0; i < 10; i++) {
      strategy.select();
      await probe();
    }
    expect(new Set(w.probes.map(({ backend }) => backend.id))).toEqual(new Set(['c', 'd']));
    expect(strategy.host.metrics.value('prequal_probes_total', 'failed')).toBe(w.probes.length);
  });
  it('gives a probe that does not come back up after a second', async () => {
    const { w, strategy } = started();
    w.answerProbes(() => new Promise(() => {}));
    strategy.select();
    w.advance(5);
    w.advance(1_000);
    await w.settled();
    expect(strategy.host.metrics.value('prequal_probes_total', 'failed')).toBe(3);
  });
  it('learns from hints in responses, without any probe, and takes them out', () => {
    const { w, strategy, backends } = started({ probePath: null, hotQuantile: 1 });
    const respond = (backend: FakeBackend, text: string) => {
      const lease = strategy.open(backend);
      const head = w.responseHead(200, { 'X-Load': text });
      strategy.instance.onHead!(lease, head);
      lease.end();
      return head.header('x-load');
    };
    expect(respond(backends[2], 'rif=3, latency-ms=4')).toBeUndefined();
    respond(backends[3], 'rif=3, latency-ms=400');
    expect(strategy.select()).toBe(backends[2]);
    w.advance(10_000);
    expect(w.probes).toHaveLength(0);
  });
  it('tries those of whom it knows nothing where there are only hints: who is never picked could never say that it is well again', () => {
    const { w, strategy, backends } = started({ probePath: null });
    const picked = new Map(backends.map((backend) => [backend, 0]));
    // Each says that it is the fastest: who is in hand stays best, and only chance and tries bring in the others.
    for (let i = 0; i < 200; i++) {
      const backend = strategy.select() as FakeBackend;
      picked.set(backend, picked.get(backend)! + 1);
      const lease = strategy.open(backend);
      strategy.instance.onHead!(lease, w.responseHead(200, { 'X-Load': backend === backends[0] ? 'rif=0, latency-ms=99' : 'rif=0, latency-ms=1' }));
      lease.end();
      w.advance(20);
    }
    // 4 s: an answer is too old after one, so each is tried again three times at least; the slow one no more often than one request in 16.
    for (const count of picked.values()) expect(count).toBeGreaterThanOrEqual(3);
    expect(picked.get(backends[0])).toBeLessThanOrEqual(15);
  });
  it('goes by answers where the limit admits fewer probes than requests throw away', async () => {
    const { loads, strategy, backends, probe } = started({ probesPerSecond: 100, hotQuantile: 1 });
    // One has much in flight, so that those used often are cold still.
    for (const [id, rif, latency] of [['a', 0, 50], ['b', 0, 5], ['c', 0, 80], ['d', 99, 90]] as const) loads.set(id, `rif=${rif}, latency-ms=${latency}`);
    let atBest = 0;
    for (let i = 0; i < 400; i++) {
      if (strategy.select() === backends[1]) atBest++;
      await probe();
    }
    // 200 requests a second, one probe for two of them: all four are in hand nearly always.
    expect(atBest).toBeGreaterThan(300);
  });
  it('keeps its answers when members come and go and over a reload, but those of who left', async () => {
    const { w, loads, strategy, backends, probe } = started({ probesPerRequest: 4, hotQuantile: 1 });
    for (const [id, latency] of [['a', 50], ['b', 5], ['c', 80], ['d', 90]] as const) loads.set(id, `rif=1, latency-ms=${latency}`);
    strategy.select();
    await probe();
    const next = strategy.reload();
    expect(next.select()).toBe(backends[1]);
    next.update([backends[0], backends[2], ...w.backends([{ id: 'e' }])]);
    expect(next.select()).toBe(backends[0]);
  });
  it('allocates nothing in a pick but what chance costs', () => {
    expect(bytesPerPick(prequal(), BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(BOXED_NUMBER_BYTES);
  });

  it('turns away from a loaded backend over real sockets', async () => {
    const origin = (name: string, rif: number) => httpOrigin((request, response) => {
      response.setHeader('x-load', `rif=${rif}, latency-ms=${rif}`);
      response.end(request.url === '/load' ? '' : name);
    });
    const [busy, calm] = await Promise.all([origin('busy', 50), origin('calm', 1)]);
    const { port } = await start({ ...proxyTo(), pools: { web: { backends: [busy.url, calm.url], strategy: prequal({ probePath: '/load' }) } } });
    const get = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return [await response.text(), response.headers.get('x-load')];
    };
    let inARow = 0;
    for (let i = 0; i < 200 && inARow < 10; i++) {
      const [name, hint] = await get();
      expect(hint).toBeNull();
      inARow = name === 'calm' ? inARow + 1 : 0;
    }
    expect(inARow).toBe(10);
  });
});

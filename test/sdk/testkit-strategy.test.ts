import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defineStrategy } from '@steelyard/sdk';
import type { Lease, Member, Outcome, StrategyUse } from '@steelyard/sdk';
import fallback from '@steelyard/plugins/fallback';
import p2c from '@steelyard/plugins/p2c';
import peakEwma from '@steelyard/plugins/peak-ewma';
import random from '@steelyard/plugins/random';
import roundRobin from '@steelyard/plugins/round-robin';
import sticky from '@steelyard/plugins/sticky';
import { answered, StrategyContractError, strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import type { StrategyProperties } from '@steelyard/sdk/testkit';
import { brokenRules } from './broken-rules.ts';

const first = defineStrategy<{ skip?: number }>({
  name: 'first',
  options: { skip: { type: 'integer', minimum: 0, maximum: 2, default: 0 } },
  create({ skip }) {
    let members: readonly { backend: object; weight: number }[] = [];
    return {
      update: (given) => void (members = given),
      select: (_exchange, pool) => pool.backends.filter((b, i) => members[i]!.weight > 0 && pool.isAvailable(b)).at(skip),
    };
  },
});

describe('strategyUnderTest', () => {
  it('gives options their defaults', () => {
    const w = world();
    const [a, b] = w.backends(2);
    for (const [use, expected] of [[first(), a], [first({ skip: 1 }), b]] as const) {
      const strategy = strategyUnderTest(use, w);
      strategy.update([a!, b!]);
      expect(strategy.select()).toBe(expected);
    }
  });

  it('counts a pick in flight, and tells the instance that picked', () => {
    const seen: string[] = [];
    const watching = defineStrategy<{}>({
      name: 'watching', options: {},
      create: () => ({
        update() {}, select: (_exchange, pool) => pool.backends[0],
        onStart: (lease: Lease) => void seen.push(`start ${lease.slot}`),
        onEnd: (lease: Lease, outcome: Outcome) => void seen.push(`end ${lease.slot} ${outcome.kind}`),
      }),
    });
    const w = world();
    const strategy = strategyUnderTest(watching(), w);
    const [backend] = w.backends(1);
    strategy.update([backend!]);
    const lease = strategy.pick()!;
    expect(backend!.inFlight).toBe(1);
    strategy.reload();
    lease.end(answered(500));
    expect([backend!.inFlight, ...seen]).toEqual([0, 'start 0', 'end 0 answered']);
  });

  it('refuses a pick that is not available', () => {
    const blind = defineStrategy<{}>({ name: 'blind', options: {}, create: () => ({ update() {}, select: (_exchange, pool) => pool.backends[0] }) });
    const w = world();
    const strategy = strategyUnderTest(blind(), w);
    strategy.update(w.backends([{ health: 'down' }]));
    expect(() => strategy.pick()).toThrow(/blind picked api\/http:\/\/10\.0\.0\.1:80, which is not available/);
  });
});

describe('testStrategy', () => {
  it('registers each rule as a test of its own', () => {
    const registered: [string, () => void][] = [];
    const { rules } = testStrategy(first(), { test: (name, run) => registered.push([name, run]), properties: { even: true } });
    expect(registered.map(([name]) => name)).toContain('first: never picks a backend that is unavailable or was already tried');
    expect(registered).toHaveLength(rules.length);
    expect(rules.at(-1)).toBe('even');
    registered.slice(0, -1).forEach(([, run]) => run());
    expect(registered.at(-1)![1]).toThrow(/first breaks the rule even/);
  });

  it('without a runner, throws one assertion error with all broken rules', () => {
    testStrategy(first());
    const thrown = thrownBy(() => testStrategy(first(), { seed: 9, properties: { even: true, weighted: true } }));
    expect(thrown).toBeInstanceOf(StrategyContractError);
    expect(thrown).toMatchObject({ name: 'AssertionError', code: 'ERR_ASSERTION' });
    expect((thrown as StrategyContractError).broken.map(({ rule }) => rule)).toEqual(['weighted', 'even']);
  });

  it('says which rule, what was seen, the sample, the seed, and what was probably meant', () => {
    const { message } = thrownBy(() => testStrategy(first(), { seed: 9, properties: { even: true } })) as Error;
    expect(message.split('\n')).toEqual([
      'first breaks the rule even: equal backends differ by at most one pick, over updates, reloads and failures too',
      '  seen:     picks at first: 2, 0',
      '  sample:   2 equal backends; idle',
      '  seed:     9 (testStrategy(..., { ..., seed: 9 }) repeats it)',
      '  probably: chance or load decides; leave out `even` if that is meant',
    ]);
  });

  it('says with which options, but no secret', () => {
    const header = (use: StrategyUse) => brokenRules(use, { properties: { smooth: true } })['smooth']!.split(' breaks')[0];
    expect(header(first({ skip: 1 }))).toBe('first({"skip":1})');
    expect(header(sticky({ secret: 'a secret of some length', over: random() }))).toBe('sticky({"secret":"(secret)","over":"random"})');
  });

  it('says what is drawn where it is another number than declared', () => {
    expect(brokenRules(p2c({ choices: 3 }), { properties: { powerOfChoices: 2 } })['power-of-choices'])
      .toContain('it takes the least loaded of 3 different ones, not of 2');
  });

  it('repeats a failure exactly by the seed that its message names, and another sample by another seed', () => {
    // Wrong once in a while: which step of which life it is depends on the seed.
    const careless = defineStrategy<{}>({
      name: 'careless', options: {},
      create: (_options, host) => {
        let members: readonly Member[] = [];
        return {
          update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
          select(_exchange, pool) {
            const left = members.filter(({ backend }) => pool.isAvailable(backend));
            return (host.random() < 0.01 ? members : left)[0]?.backend;
          },
        };
      },
    })();
    const told = (seed: number) => brokenRules(careless, { seed })['available-only']!;
    const first = told(5);
    expect(first).toMatch(/^careless breaks the rule available-only: .*\n {2}seen: {5}it picked 10\.[\d.]+:80, which .*\n {2}sample: {3}step \d+ of life \d(?: over tcp)?: .*weight .*\n {2}seed: {5}5 /);
    const named = Number(/testStrategy\(\.\.\., \{ \.\.\., seed: (\d+) \}\) repeats it/.exec(first)![1]);
    expect(told(named)).toBe(first);
    expect(told(6).replaceAll('6', '5')).not.toBe(first.replaceAll('6', '5'));
  });

  it.each<[string, StrategyProperties, string]>([
    ['weighted', { weighted: true }, 'weights 5, 1, 1'],
    ['weighted-exactly', { weighted: 'exactly' }, '7 picks a period'],
    ['smooth', { smooth: true }, 'weights 5, 1, 1; idle'],
    ['even', { even: true }, 'equal backends; idle'],
    ['least-loaded', { leastLoaded: true }, 'in-flight'],
    ['avoids-most-loaded', { avoidsMostLoaded: true }, 'in-flight 4'],
    ['power-of-choices', { powerOfChoices: 2 }, 'in-flight 4'],
    ['every-backend', { everyBackend: true }, '2 equal backends, idle for an hour'],
    ['consistent', { consistent: true }, '2000 keys, 10 equal backends'],
  ])('tells an author who declares %s without having it which sample broke it', (rule, properties, sample) => {
    // The first one always, or for a hash one by chance.
    const use = rule === 'consistent' ? random() : first();
    const message = brokenRules(use, { seed: 3, properties })[rule]!;
    expect(message.split('\n').map((line) => line.slice(0, 12).trim())).toEqual([expect.any(String), 'seen:', 'sample:', 'seed:', 'probably:']);
    expect(message).toContain(sample);
    expect(message).toContain('seed: 3 }) repeats it');
  });

  it('asks of a strategy over strategies no more than of each of them: one without a snapshot may go on otherwise', () => {
    expect(brokenRules(fallback({ over: [peakEwma(), roundRobin()] }), { seed: 11, ofInterest: /a twin/ })).toEqual({});
  });

  it('reports what a pick costs, when asked', () => {
    const lines: string[] = [];
    testStrategy(roundRobin(), { report: (line) => lines.push(line) });
    expect(lines).toEqual([expect.stringMatching(/^round-robin: \d+ ns a pick .* with 10 backends/), expect.stringMatching(/with 1000 backends/)]);
  });
});

describe('the surface', () => {
  it('has an example for every export', () => {
    const folder = new URL('../../sdk/src/testkit/', import.meta.url);
    const index = readFileSync(new URL('index.ts', folder), 'utf8');
    const names = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list]) => list!.split(',').map((name) => name.trim()));
    const sources = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts')).map((file) => readFileSync(new URL(file, folder), 'utf8'));
    const hasExample = (name: string) => {
      const declaration = new RegExp(`/\\*\\*(?:(?!\\*/)[^])*@example(?:(?!\\*/)[^])*\\*/\\nexport (?:class|function|interface|type) ${name}\\b`);
      return sources.some((source) => declaration.test(source));
    };
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter((name) => !hasExample(name))).toEqual([]);
  });
});

function thrownBy(run: () => void): unknown {
  try {
    run();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

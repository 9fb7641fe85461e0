import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineStrategy } from '@steelyard/sdk';
import { configText, firstDifference } from '../../core/src/config/digest.ts';
import { loadConfig } from '../../core/src/config/load.ts';
import type { ResolvedConfig } from '../../core/src/config/resolved.ts';
import { resolved } from './faults-of.ts';
import { check, filter, list, metrics, p2c, untyped, wrap } from './plugins.ts';

const LABELS = { url: 'http://a:1', labels: { a: '1', b: '2' } };
const text = async (...parts: Parameters<typeof resolved>): Promise<string> => configText(await resolved(...parts));
/** Where two configs differ that are one but for a part. */
const between = async (ours: Parameters<typeof resolved>, theirs: Parameters<typeof resolved>): Promise<string | undefined> => firstDifference(await text(...ours), await text(...theirs));

/** A config in which a plugin has this option. No plugin of the tests can be given such values: only a stranger's schema, or none, would let them in. */
function withOption(value: unknown): ResolvedConfig {
  const use = { ...filter(), options: { value } };
  return { listeners: [], pools: [], routes: [], plugins: [use as never], drainLimitMs: 0, setupLimitMs: 0, log: { level: 'info' } } as unknown as ResolvedConfig;
}

describe('the text of a config', () => {
  it('is the same for the same config, read twice, whatever the order of the keys', async () => {
    const parts = { plugins: [filter({ rules: [{ from: 'a' }] }), metrics()], routes: [{ pool: 'web', match: { path: [/a/i, '/b'], header: { b: true, a: /x/ } } }] };
    const turned = { routes: [{ match: { header: { a: /x/, b: true }, path: [/a/i, '/b'] }, pool: 'web' }], plugins: parts.plugins };
    const pool = { backends: ['http://b:1', LABELS], strategy: wrap({ over: p2c(), onMiss: () => {} }), health: check() };
    const turnedPool = { health: check(), strategy: wrap({ onMiss: () => {}, over: p2c() }), backends: ['http://b:1', { labels: { b: '2', a: '1' }, url: 'http://a:1' }] };
    expect(await between([parts, pool], [turned, turnedPool])).toBeUndefined();
    expect(await text(parts, pool)).toBe(await text(turned, turnedPool));
  });

  it('tells apart what JSON does not', () => {
    const named = (): void => {};
    const apart = [
      0, -0, 1, NaN, Infinity, -Infinity, 1n, 2n, null, undefined, true, '', '0', 'NaN', 'Infinity', '\0Infinity', '\0\0Infinity', 'undefined', '\0undefined', [], {}, [[]], [null], { a: undefined }, { a: null },
      /a/, /a/g, /b/, '/a/', Symbol('a'), Symbol('b'), new Map(), new Set(), new Date(0), named, function other() {}, { '\0plugin': ['plugin', 'filter', 'filter', null] }, JSON.parse('{"__proto__":1}'), filter(), p2c(),
    ];
    const texts = apart.map((value) => configText(withOption(value)));
    expect(new Set(texts).size).toBe(apart.length);
    for (const one of texts) for (const other of texts) expect(firstDifference(one, other)?.startsWith('plugins[0].value') ?? 'same').toBe(one === other ? 'same' : true);
  });

  it('takes functions for equal that have the same name and place: those of two threads are never one', async () => {
    const make = (): (() => void) => function onMiss() {};
    expect(await between([{}, { strategy: wrap({ over: p2c(), onMiss: make() }) }], [{}, { strategy: wrap({ over: p2c(), onMiss: make() }) }])).toBeUndefined();
    expect(await between([{}, { strategy: wrap({ over: p2c(), onMiss: make() }) }], [{}, { strategy: wrap({ over: p2c(), onMiss: null }) }])).toBe('pools.web.strategy.onMiss');
    // A name that is a getter is not called.
    const named = Object.defineProperty(() => {}, 'name', { get: () => { throw new Error('called'); } });
    expect(() => configText(withOption(named))).not.toThrow();
  });

  it('tells versions of a plugin apart by its name and stateVersion', async () => {
    const version = (stateVersion: number, name = 'versioned') => defineStrategy<{}>({ name, options: {}, stateVersion, create: () => ({ update: () => {}, select: () => undefined }) })();
    const of = (strategy: unknown): Parameters<typeof resolved> => [{}, { strategy }];
    expect(await between(of(version(1)), of(version(1)))).toBeUndefined();
    expect(await between(of(version(1)), of(version(2)))).toBe('pools.web.strategy');
    expect(await between(of(version(1)), of(version(1, 'other')))).toBe('pools.web.strategy');
    expect(await between(of(version(1)), of(undefined))).toBe('pools.web.strategy');
  });
});

describe('the first difference', () => {
  it.each<[path: string, ours: Parameters<typeof resolved>, theirs: Parameters<typeof resolved>]>([
    ['pools.web.backends[1].url', [{}, { backends: ['http://a:1', 'http://b:1'] }], [{}, { backends: ['http://a:1', 'http://b:2'] }]],
    ['pools.web.backends[1].id', [{}, { backends: ['http://a:1', 'http://b:1'] }], [{}, { backends: ['http://a:1', { url: 'http://b:1', id: 'b' }] }]],
    ['pools.web.backends[0].labels.b', [{}, { backends: [LABELS] }], [{}, { backends: [{ ...LABELS, labels: { a: '1', b: '3' } }] }]],
    ['pools.web.backends[0].maxInFlight', [{}, { backends: ['http://a:1'] }], [{}, { backends: [{ url: 'http://a:1', maxInFlight: 5 }] }]],
    ['pools.web.backends[2]', [{}, { backends: ['http://a:1', 'http://b:1'] }], [{}, { backends: ['http://a:1', 'http://b:1', 'http://c:1'] }]],
    ['pools.web.backends', [{}, { backends: list({ port: 1 }) }], [{}, { backends: [] }]],
    ['pools.web.backends.port', [{}, { backends: list({ port: 1 }) }], [{}, { backends: list({ port: 2 }) }]],
    ['pools.web.health.path', [{}, { health: check({ path: '/a' }) }], [{}, { health: [check({ path: '/b' })] }]],
    ['pools.web.health[1].path', [{}, { health: [check(), check({ path: '/a' })] }], [{}, { health: [check(), check({ path: '/b' })] }]],
    ['pools.web.strategy.over.choices', [{}, { strategy: wrap({ over: p2c({ choices: 2 }) }) }], [{}, { strategy: wrap({ over: p2c({ choices: 3 }) }) }]],
    ['pools.web.retry.attempts', [{}, {}], [{}, { retry: { attempts: 1 } }]],
    ['pools.api', [{}], [{ pools: { web: { backends: ['http://127.0.0.1:9001'] }, api: { backends: [] } } }]],
    ['plugins[0].rules[1].limit', [{ plugins: [filter({ rules: [{ from: 'a' }, { from: 'b', limit: 1 }] })] }], [{ plugins: [filter({ rules: [{ from: 'a' }, { from: 'b', limit: 2 }] })] }]],
    ['plugins[0].labels["a b"]', [{ plugins: [filter({ labels: { 'a b': 'x' } })] }], [{ plugins: [filter({ labels: {} })] }]],
    ['plugins[0]', [{ plugins: [filter()] }], [{ plugins: [metrics()] }]],
    ['plugins[0]', [{ plugins: [] }], [{ plugins: [metrics()] }]],
    ['listeners[0].port', [{ listeners: [{ port: 1 }] }], [{ listeners: [{ port: 2 }] }]],
    ['listeners[0].name', [{ listeners: [{ port: 1, name: 'a' }] }], [{ listeners: [{ port: 1, name: 'b' }] }]],
    ['listeners[0].limits.maxBodyBytes', [{ listeners: [{ port: 1 }] }], [{ listeners: [{ port: 1, limits: { maxBodyBytes: 1 } }] }]],
    ['routes[0].match.header.x-canary', [{ routes: [{ pool: 'web', match: { header: { 'X-Canary': /a/ } } }] }], [{ routes: [{ pool: 'web', match: { header: { 'X-Canary': /a/i } } }] }]],
    ['routes[0].match.path', [{ routes: [{ pool: 'web', match: { path: '/a' } }] }], [{ routes: [{ pool: 'web', match: { path: '/b' } }] }]],
    ['routes[0].match.host[1]', [{ routes: [{ pool: 'web', match: { host: ['a', 'b'] } }] }], [{ routes: [{ pool: 'web', match: { host: ['a', 'c'] } }] }]],
    ['routes[0].rewrite', [{ routes: [{ pool: 'web' }] }], [{ routes: [{ pool: 'web', rewrite: { host: 'a' } }] }]],
    ['drainLimitMs', [{ drainLimitMs: 1 }], [{ drainLimitMs: 2 }]],
    ['log.level', [{ log: { level: 'warn' } }], [{}]],
  ])('is told as the report would: %s', async (path, ours, theirs) => {
    expect(await between(ours, theirs)).toBe(path);
    expect(await between(theirs, ours)).toBe(path);
  });

  it('is found in every field of a backend and of a pool', async () => {
    const done = await resolved({}, { backends: ['http://a:1'] });
    const [pool] = done.pools;
    const [backend] = pool!.backends as readonly object[];
    const derived = ['host', 'port', 'address', 'protocol'];
    for (const key of Object.keys(backend!).filter((each) => !derived.includes(each))) {
      const other = { ...done, pools: [{ ...pool!, backends: [{ ...backend!, [key]: untyped('changed') }] }] } as unknown as ResolvedConfig;
      expect(firstDifference(configText(done), configText(other))).toBe(`pools.web.backends[0].${key}`);
    }
    for (const key of Object.keys(pool!).filter((each) => each !== 'name')) {
      const other = { ...done, pools: [{ ...pool!, [key]: untyped(['changed', 'twice']) }] } as unknown as ResolvedConfig;
      expect(firstDifference(configText(done), configText(other))).toMatch(new RegExp(`^pools\\.web\\.${key}`));
    }
  });

  it('is there exactly when two values differ', () => {
    const value = fc.anything({ withBigInt: true, withNullPrototype: true, maxDepth: 3 });
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [ours, theirs] = [configText(withOption(one)), configText(withOption(other))];
        expect(firstDifference(ours, ours)).toBeUndefined();
        if (ours === theirs) return;
        // A difference is found, whichever of the two asks, and below the one place that differs.
        const path = firstDifference(ours, theirs);
        expect(path).toMatch(/^plugins\[0\]\.value/);
        expect(firstDifference(theirs, ours)?.split(/[.[]/)[1]).toBe(path?.split(/[.[]/)[1]);
      }),
    );
  });

  it('shows where a config file gives another result each time it is loaded', async () => {
    // Beside the tests, so that the SDK is found from there.
    const folder = mkdtempSync(fileURLToPath(new URL('digest-', import.meta.url)));
    try {
      const file = join(folder, 'balancer.config.ts');
      writeFileSync(file, `export default { listeners: [{ port: 0 }], pools: { web: { backends: ['http://a:1', 'http://b:1', { url: 'http://c:1', weight: Math.random() }] } } };`);
      const env = { command: 'check', env: {} } as const;
      const [first, second] = [await loadConfig(file, env), await loadConfig(file, env)];
      expect(firstDifference(configText(first.resolved), configText(second.resolved))).toBe('pools.web.backends[2].weight');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

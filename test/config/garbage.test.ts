import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BRAND } from '@steelyard/sdk';
import { resolveConfig } from '../../core/src/config/load.ts';
import { ConfigError } from '../../core/src/config/report.ts';
import { check, p2c, wrap } from './plugins.ts';

const trap = (): never => {
  throw new Error('trap');
};
/** fast-check asks for symbols of its own. */
const throwing = new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, has: (_target, key) => (typeof key === 'symbol' ? false : trap()) });
const loop: Record<string, unknown> = {};
loop.again = loop;

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSet: true, withSparseArray: true, withTypedArray: true, maxDepth: 3 }),
  fc.constant(0).map(() => throwing),
  fc.constantFrom(loop, Symbol('s'), () => 1, p2c, p2c(), check(), wrap, /x/g, Promise.resolve(1), { brand: BRAND }, { brand: BRAND, kind: 'strategy', definition: {}, options: {} }, { brand: BRAND, kind: 'toString', name: {}, definition: { options: 1 }, options: throwing }, { use: 'p2c', options: { choices: loop } }, { use: '../../..' }, JSON.parse('{"__proto__": {"x": 1}}')),
);
/** Keys that are known, with values that are not. */
const record = (...keys: string[]) => fc.record(Object.fromEntries(keys.map((key) => [key, anything])), { requiredKeys: [] });
const either = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 3, arbitrary: good }, anything);
const listener = fc.record({ port: either(fc.nat(70_000)), name: either(fc.string()), protocol: either(fc.constantFrom('http', 'tcp')), pool: either(fc.constantFrom('a', '__proto__')), limits: either(record('maxHeadBytes', 'maxTargetBytes')), trustedProxies: either(fc.array(either(fc.ipV4()))), plugins: either(fc.array(anything)) }, { requiredKeys: [] });
const pool = fc.record({ backends: either(fc.array(either(fc.webUrl()))), protocol: either(fc.constantFrom('http', 'tcp')), strategy: anything, health: either(fc.array(anything)), retry: either(record('attempts', 'replays')), plugins: either(fc.array(anything)) }, { requiredKeys: [] });
const route = fc.record({ pool: either(fc.constantFrom('a', 'constructor')), match: either(record('host', 'path', 'method', 'header')), rewrite: either(fc.record({ path: either(fc.constant('/:x')), stripPrefix: anything })), listeners: either(fc.array(anything)), name: either(fc.constant('r')) }, { requiredKeys: [] });
const almost = fc.record({ listeners: either(fc.array(either(listener), { maxLength: 3 })), pools: either(fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'a b', 'constructor'), either(pool), { maxKeys: 3 })), routes: either(fc.array(either(route), { maxLength: 3 })), plugins: either(fc.array(anything)), log: anything, drainLimitMs: anything }, { requiredKeys: [] });

describe('resolveConfig', () => {
  it('resolves or throws ERR_CONFIG with faults, whatever it is given', async () => {
    await fc.assert(fc.asyncProperty(fc.oneof(anything, { weight: 4, arbitrary: almost }), async (config) => {
      try {
        await resolveConfig(config, '/');
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ConfigError);
        const { code, faults, message } = thrown as ConfigError;
        expect(code).toBe('ERR_CONFIG');
        expect(faults.length).toBeGreaterThan(0);
        expect(message.split('\n').length).toBeGreaterThan(faults.length);
      }
      expect(({} as Record<string, unknown>).x).toBeUndefined();
    }), { numRuns: 400 });
  });
});

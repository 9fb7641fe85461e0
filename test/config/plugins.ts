/** Plugins for the tests of the config: their options matter, what they do does not. */
import { HASH_KEY, defineDiscovery, defineExporter, defineHealthCheck, definePlugin, defineStrategy, type AnyStrategyUse, type HashKeys, type StrategyProtocol, type StrategyUse } from '@steelyard/sdk';

const idle = () => ({ update: () => {}, select: () => undefined });

export const p2c = defineStrategy<{ choices?: number }>({ name: 'p2c', options: { choices: { type: 'integer', minimum: 2, maximum: 8, default: 2 } }, create: idle });
export const byHeader = defineStrategy<{}, 'http'>({ name: 'by-header', protocol: 'http', options: {}, create: idle });
export const wrap = defineStrategy<{ over: AnyStrategyUse; key?: string | string[]; onMiss?: ((key: string) => void) | null }>({
  name: 'wrap',
  options: {
    over: { type: 'strategy' },
    key: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'array', items: { type: 'string' }, minItems: 1 }], default: 'id' },
    onMiss: { type: 'function', nullable: true, default: null },
  },
  create: idle,
});
export const loadOnly = defineStrategy<{ over: StrategyUse<StrategyProtocol, 'load'> }>({ name: 'load-only', options: { over: { type: 'strategy', kinds: ['load'] } }, create: idle });
export const ring = defineStrategy<{}, 'any', 'hash'>({ name: 'ring', kind: 'hash', options: {}, create: idle });
export const keyed = defineStrategy<{ key?: HashKeys }, 'any', 'hash'>({ name: 'keyed', kind: 'hash', options: { key: { ...HASH_KEY, default: 'address' } }, create: idle });
export const firstOf = defineStrategy<{ over: readonly AnyStrategyUse[] }, 'any', 'inner'>({
  name: 'first-of', kind: 'inner', options: { over: { type: 'array', items: { type: 'strategy' }, minItems: 1 } }, create: idle,
});
export const check = defineHealthCheck<{ path?: string }>({ name: 'http-check', protocol: 'http', options: { path: { type: 'string', default: '/' } }, create: () => ({}) });
export const list = defineDiscovery<{ port: number }>({ name: 'list', options: { port: { type: 'integer' } }, watch: () => {} });
export const metrics = defineExporter<{}>({ name: 'metrics', options: {}, start: () => {} });
export const filter = definePlugin<{
  mode?: 'fast' | 'slow';
  rules?: { from: string; limit?: number }[];
  labels?: Record<string, string>;
}>({
  name: 'filter',
  options: {
    mode: { type: 'string', enum: ['fast', 'slow'], default: 'fast' },
    rules: { type: 'array', items: { type: 'object', properties: { from: { type: 'string' }, limit: { type: 'integer', default: 10 } } }, default: [] },
    labels: { type: 'object', values: { type: 'string' }, default: {} },
  },
  setup: () => {},
});

/** What the compiler would refuse, for the loader to refuse. */
export const untyped = (value: unknown): never => value as never;

/** The places in a config where plugins stand: what stands there, whether it belongs there, and whether its options are right. */
import { isUse, withOptions, type AnyOptionSchema, type AnyUse, type DiscoveryUse, type HealthCheckUse, type Protocol, type StrategyUse } from '@steelyard/sdk';
import { MAX_SOURCES } from '../board/scoreboard.ts';
import { joinPath, showValue, type Faults } from './faults.ts';
import { isFactory, isNamedUse, useByName, type PluginSource } from './named.ts';
import { checkOptions, nestedUses } from './options.ts';
import type { RunnablePlugin } from './resolved.ts';
import { isPlain } from './snapshot.ts';

export interface UseContext {
  readonly source: PluginSource;
  readonly faults: Faults;
}

type Kind = AnyUse['kind'];
const KINDS: Record<Kind, { is: string; belongs: string }> = {
  strategy: { is: 'a strategy', belongs: 'pools.<name>.strategy' },
  health: { is: 'a health check', belongs: 'pools.<name>.health' },
  discovery: { is: 'a discovery', belongs: 'pools.<name>.backends' },
  exporter: { is: 'an exporter', belongs: 'plugins' },
  plugin: { is: 'a plugin', belongs: 'plugins' },
};

export async function resolveStrategy(value: unknown, path: string, protocol: Protocol, context: UseContext): Promise<StrategyUse | undefined> {
  if (value === undefined) return undefined;
  const use = (await resolveUse(value, path, ['strategy'], 'a strategy', context)) as StrategyUse | undefined;
  if (use === undefined || protocol === 'http') return use;
  const reader = [use, ...nestedUses(use)].find(readsRequests);
  if (reader !== undefined) context.faults.add(path, `is ${reader.name}, which reads HTTP requests: a tcp pool has none`, 'take a strategy of protocol "any", or make it an http pool');
  return use;
}

/** By itself, whatever is inside: by what it is, or by its key. */
function readsRequests(use: AnyUse): boolean {
  return use.kind === 'strategy' && use.protocol === 'http' && (use.definition.protocol === 'http' || !nestedUses(use).some(readsRequests));
}

export async function resolveHealth(value: unknown, path: string, protocol: Protocol, context: UseContext): Promise<HealthCheckUse[]> {
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  const checks: HealthCheckUse[] = [];
  for (const [index, item] of list.entries()) {
    // Left out by `condition && check()`.
    if (!item) continue;
    const at = Array.isArray(value) ? joinPath(path, index) : path;
    const use = (await resolveUse(item, at, ['health'], 'a health check', context)) as HealthCheckUse | undefined;
    if (use === undefined) continue;
    const speaks = use.definition.protocol;
    if (speaks !== undefined && speaks !== protocol) context.faults.add(at, `is ${use.name}, which is for ${speaks} pools: this is a${protocol === 'http' ? 'n http' : ' tcp'} pool`);
    checks.push(use);
  }
  if (checks.length > MAX_SOURCES) context.faults.add(path, `has ${checks.length} health checks, a pool can have ${MAX_SOURCES}`);
  return checks;
}

export async function resolveDiscovery(value: unknown, path: string, context: UseContext): Promise<DiscoveryUse | undefined> {
  return (await resolveUse(value, path, ['discovery'], 'a list of backends, or a discovery plugin', context)) as DiscoveryUse | undefined;
}

export async function resolvePlugins(list: readonly unknown[] | undefined, path: string, context: UseContext): Promise<RunnablePlugin[]> {
  const plugins: RunnablePlugin[] = [];
  for (const [index, item] of (list ?? []).entries()) {
    if (!item) continue;
    const use = await resolveUse(item, joinPath(path, index), ['plugin', 'exporter'], 'a plugin', context);
    if (use !== undefined) plugins.push(use as RunnablePlugin);
  }
  return plugins;
}

async function resolveUse(value: unknown, path: string, kinds: readonly Kind[], allowed: string, context: UseContext): Promise<AnyUse | undefined> {
  const { faults } = context;
  if (isFactory(value)) {
    const name = camelCase(String(value.definition.name));
    faults.add(path, `is the factory ${name} itself`, `write ${name}() not ${name}`);
    return undefined;
  }
  if (isNamespace(value)) {
    faults.add(path, 'is a module, not the plugin that it exports', "write `import name from '...'`, not `import * as name`");
    return undefined;
  }
  const named = isNamedUse(value);
  const use = named ? await useByName(value, path, context.source, faults) : value;
  if (use === undefined && named) return undefined;
  if (!isUse(use)) {
    const hint = typeof use === 'string' ? `a plugin by its name is { use: ${showValue(use)} }` : '';
    faults.add(path, `is ${showValue(use)}, must be ${allowed}`, hint);
    return undefined;
  }
  if (!kinds.includes(use.kind)) {
    const about = Object.hasOwn(KINDS, use.kind) ? KINDS[use.kind] : { is: 'of an unknown kind', belongs: '' };
    faults.add(path, `is ${showValue(use.name)}, which is ${about.is}, must be ${allowed}`, about.belongs === '' ? '' : `it belongs in ${about.belongs}`);
    return undefined;
  }
  const whole = await withNamedStrategies(use, path, context);
  return checkOptions(whole, named ? joinPath(path, 'options') : path, faults);
}

/** In a JSON config the strategy inside a strategy is named as well: `{ use: 'sticky', options: { over: { use: 'p2c' } } }`. */
async function withNamedStrategies(use: AnyUse, path: string, context: UseContext): Promise<AnyUse> {
  if (typeof use.options !== 'object' || use.options === null) return use;
  const schemas = typeof use.definition?.options === 'object' ? (use.definition.options ?? {}) : {};
  let options = use.options;
  for (const [name, schema] of Object.entries(schemas)) {
    if (!Object.hasOwn(options, name) || !takesStrategies(schema)) continue;
    const value = options[name];
    const at = joinPath(path, name);
    const whole = Array.isArray(value)
      ? await Promise.all(value.map((item: unknown, index) => namedStrategy(item, joinPath(at, index), context)))
      : await namedStrategy(value, at, context);
    if (whole !== value) options = { ...options, [name]: whole };
  }
  return options === use.options ? use : withOptions(use, options);
}

function takesStrategies(schema: AnyOptionSchema | undefined): boolean {
  if (schema === undefined || schema === null) return false;
  return schema.type === 'strategy' || takesStrategies(schema.items) || schema.anyOf?.some(takesStrategies) === true;
}

/** The strategy that a name stands for; anything else as it is, for the schema to judge. */
async function namedStrategy(value: unknown, path: string, context: UseContext): Promise<unknown> {
  if (typeof value !== 'object' || value === null || !isPlain(value) || !isNamedUse(value)) return value;
  return (await resolveUse(value, path, ['strategy'], 'a strategy', context)) ?? value;
}

function isNamespace(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !isUse(value) && 'default' in value && isFactory(value.default);
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}

/** A plugin that a config names instead of importing: `{ use: 'p2c', options: { choices: 3 } }`. */
import { isAbsolute } from 'node:path';
import { describeError, isUse, type AnyUse, type NamedUse } from '@steelyard/sdk';
import { joinPath, listWords, showValue, type Faults } from './faults.ts';
import { installedPlugins, PLUGINS_PACKAGE } from './installed.ts';
import type { ModuleLoader } from './module-loader.ts';
import { findMissingImport } from './missing-import.ts';
import { nearest } from './nearest.ts';

/** Where names are looked up. */
export interface PluginSource {
  /** Of the config. */
  readonly folder: string;
  readonly loader: ModuleLoader;
}

export function isNamedUse(value: unknown): value is NamedUse {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isUse(value) && 'use' in value;
}

/** The use that a named one stands for; `undefined` after a fault was added. Its options were not checked yet. */
export async function useByName(named: NamedUse, path: string, source: PluginSource, faults: Faults): Promise<AnyUse | undefined> {
  const name: unknown = named.use;
  if (typeof name !== 'string' || name === '') return refuse(faults, joinPath(path, 'use'), `is ${showValue(name)}, must be the name of a plugin, such as "round-robin"`);
  const options: unknown = named.options ?? {};
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return refuse(faults, joinPath(path, 'options'), `is ${showValue(options)}, must be an object`);
  for (const key of Object.keys(named)) {
    if (key !== 'use' && key !== 'options') return refuse(faults, joinPath(path, key), 'is not known here, allowed are use and options', 'what the plugin is told stands in options');
  }
  const candidates = candidatesFor(name);
  const specifier = candidates.find((candidate) => source.loader.resolveModule(candidate) !== undefined);
  if (specifier === undefined) return refuse(faults, joinPath(path, 'use'), ...notFound(name, candidates, source.folder));
  let exported: Record<string, unknown>;
  try {
    exported = await source.loader.importModule(specifier);
  } catch (thrown) {
    const missing = findMissingImport(thrown, specifier);
    return refuse(faults, joinPath(path, 'use'), `is ${showValue(name)}, but ${specifier} cannot be loaded: ${missing?.sentence ?? describeError(thrown)}`, missing?.hint);
  }
  const use = callFactory(exported.default, options);
  if (use === undefined) {
    return refuse(faults, joinPath(path, 'use'), `is ${showValue(name)}, but the default export of ${specifier} is no plugin`, 'it must be what defineStrategy or another factory of @steelyard/sdk gave');
  }
  return use;
}

/** Short names are ours first, then a stranger's; paths and full package names stand for themselves. */
function candidatesFor(name: string): string[] {
  if (name.startsWith('.') || isAbsolute(name) || name.includes('/') || name.startsWith('steelyard-plugin-')) return [name];
  return [`${PLUGINS_PACKAGE}/${name}`, `steelyard-plugin-${name}`];
}

function callFactory(factory: unknown, options: object): AnyUse | undefined {
  if (!isFactory(factory)) return undefined;
  const use = factory(options);
  return isUse(use) ? use : undefined;
}

/** What `defineStrategy` and its like return: callable, with the definition beside. */
export function isFactory(value: unknown): value is ((options: object) => unknown) & { definition: { name?: unknown } } {
  return typeof value === 'function' && 'definition' in value && typeof value.definition === 'object' && value.definition !== null;
}

function notFound(name: string, candidates: readonly string[], folder: string): [problem: string, hint: string] {
  const problem = `names the plugin ${showValue(name)}, which is not there: tried ${listWords(candidates)} from ${folder}`;
  if (name.startsWith('.') || isAbsolute(name)) return [problem, 'is the path right, from the folder of the config and with its extension?'];
  const known = installedPlugins(folder);
  const meant = nearest(name.replace(`${PLUGINS_PACKAGE}/`, ''), known);
  if (meant !== undefined) return [problem, `did you mean ${JSON.stringify(meant)}?`];
  const packages = candidates.map((candidate) => (candidate.startsWith(`${PLUGINS_PACKAGE}/`) ? PLUGINS_PACKAGE : candidate));
  return [problem, known.length > 0 && packages.length > 1 ? `npm install ${packages.at(-1)}` : `npm install ${packages[0]}`];
}

function refuse(faults: Faults, path: string, problem: string, hint = ''): undefined {
  faults.add(path, problem, hint);
  return undefined;
}

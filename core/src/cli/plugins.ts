/** `steelyard plugins`: what each plugin is, and what it can be told. */
import { relative } from 'node:path';
import { describeError, isUse, type AnyOptionSchema, type AnyUse } from '@steelyard/sdk';
import { installedPlugins, PLUGINS_PACKAGE } from '../config/installed.ts';
import { loadConfig } from '../config/load.ts';
import { createLoader } from '../config/module-loader.ts';
import { isFactory } from '../config/named.ts';
import { nestedUses, toShape } from '../config/options.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { describeShape } from '../config/shape.ts';
import type { Arguments } from './arguments.ts';
import { findConfig } from './config-path.ts';
import { toJson } from './outline.ts';

interface PluginPage {
  name: string;
  kind: string;
  description: string;
  options: { name: string; type: string; required: boolean; default?: unknown; description: string }[];
}

export async function plugins({ config, json }: Arguments): Promise<number> {
  const folder = process.cwd();
  const file = findConfig(config, folder);
  const installed = installedPlugins(folder);
  const uses = file === undefined ? await loadInstalled(installed, folder) : usesOf((await loadConfig(file, { command: 'check', env: process.env })).resolved);
  const pages = [...new Map(uses.map((use) => [use.definition, page(use)])).values()];
  if (json) {
    console.log(JSON.stringify(pages, undefined, 2));
    return 0;
  }
  const others = installed.filter((name) => !pages.some((each) => each.name === name));
  const where = file === undefined ? (installed.length === 0 ? `There is no config here, and ${PLUGINS_PACKAGE} is not installed.` : `${PLUGINS_PACKAGE} has:`) : `${relative(folder, file)} uses:`;
  const more = file === undefined || others.length === 0 ? [] : ['', `Also in ${PLUGINS_PACKAGE}: ${others.join(', ')}`];
  console.log([where, ...pages.flatMap(toText), ...more].join('\n'));
  return 0;
}

/** Each once, in the order of the config; strategies inside strategies too. */
function usesOf(config: ResolvedConfig): AnyUse[] {
  const found: AnyUse[] = [];
  const walk = (value: unknown): void => {
    if (isUse(value)) found.push(value, ...nestedUses(value));
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  walk(config);
  return found;
}

/** One that cannot be loaded (its library is not installed) is told on standard error, the others are listed. */
async function loadInstalled(names: readonly string[], folder: string): Promise<AnyUse[]> {
  const loader = createLoader(folder);
  const uses: AnyUse[] = [];
  for (const name of names) {
    try {
      const factory = (await loader.importModule(`${PLUGINS_PACKAGE}/${name}`)).default;
      const use: unknown = isFactory(factory) ? factory({}) : undefined;
      if (isUse(use)) uses.push(use);
    } catch (thrown) {
      console.error(`${name} cannot be loaded: ${describeError(thrown)}`);
    }
  }
  return uses;
}

const KIND_WORDS: Record<AnyUse['kind'], string> = { strategy: 'strategy', health: 'health check', exporter: 'exporter', discovery: 'discovery', plugin: 'plugin' };

function page({ name, kind, definition }: AnyUse): PluginPage {
  const options = Object.entries(definition.options).map(([option, schema]) => ({
    name: option,
    type: describeShape(toShape(schema)),
    required: schema.default === undefined,
    ...(schema.default === undefined ? {} : { default: toJson(schema.default) }),
    description: describeOption(schema),
  }));
  return { name, kind: KIND_WORDS[kind], description: definition.description ?? '', options };
}

function describeOption(schema: AnyOptionSchema): string {
  return schema.description ?? '';
}

function toText({ name, kind, description, options }: PluginPage): string[] {
  const width = Math.max(0, ...options.map((option) => option.name.length));
  return [
    '',
    `${name} (${kind})${description === '' ? '' : `: ${description}`}`,
    ...options.map((option) => {
      const preset = option.required ? 'required' : `default ${JSON.stringify(option.default)}`;
      return `  ${option.name.padEnd(width)}  ${option.type}; ${preset}${option.description === '' ? '' : `. ${option.description}`}`;
    }),
  ];
}

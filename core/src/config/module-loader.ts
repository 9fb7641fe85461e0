/** Runs a module, a config or a plugin that one names, and tells which local files that read. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createJiti, type Jiti } from 'jiti';
import * as sdk from '@steelyard/sdk';
import { transpiledFolder } from './transpiled.ts';

/** One reading of a config: modules are evaluated anew, each once, and the SDK is the one that the core uses. */
export interface ModuleLoader {
  /** The module's exports. Throws what the module throws. */
  importModule(specifier: string): Promise<Record<string, unknown>>;
  /** The file that a specifier stands for, or `undefined` when there is none. */
  resolveModule(specifier: string): string | undefined;
  /** Local files (not below `node_modules`) that were read since this loader was made. */
  files(): string[];
}

/** Keys that an earlier loader left in the module cache: what a reload must read again. jiti's cache is Node's own `require.cache`. */
const evaluated = new Set<string>();

/** @param folder where relative specifiers and packages are looked for */
export function createLoader(folder: string): ModuleLoader {
  const jiti = createJiti(join(folder, 'balancer.config.ts'), {
    // With `false` there would be no list of files to watch; hence the removal of old entries.
    moduleCache: true,
    fsCache: transpiledFolder(),
    interopDefault: false,
    // A second copy of the SDK would be evaluated otherwise (a linked TypeScript package is transpiled again).
    virtualModules: { '@steelyard/sdk': sdk },
  });
  for (const key of evaluated) delete jiti.cache[key];
  evaluated.clear();
  const before = new Set(Object.keys(jiti.cache));
  const read = new Set<string>();
  const remember = (): void => {
    for (const key of Object.keys(jiti.cache)) {
      if (before.has(key) || key.includes('/node_modules/') || key.includes('\\node_modules\\')) continue;
      evaluated.add(key);
      read.add(key);
    }
  };
  return {
    async importModule(specifier) {
      const file = resolveFrom(jiti, specifier);
      if (file !== undefined && isLocal(file)) read.add(file);
      try {
        return await importFresh(jiti, file ?? specifier);
      } finally {
        remember();
      }
    },
    resolveModule: (specifier) => resolveFrom(jiti, specifier),
    files: () => [...read],
  };
}

/** jiti hands plain ES modules to Node, which never reads them again: those are transpiled here, so that a reload sees the change. */
async function importFresh(jiti: Jiti, file: string): Promise<Record<string, unknown>> {
  const extension = extname(file);
  if (isLocal(file) && (extension === '.mjs' || extension === '.js')) {
    const source = await readFile(file, 'utf8');
    return (await jiti.evalModule(source, { filename: file, ext: extension, async: true, forceTranspile: true })) as Record<string, unknown>;
  }
  return await jiti.import<Record<string, unknown>>(file);
}

function resolveFrom(jiti: Jiti, specifier: string): string | undefined {
  const found = jiti.esmResolve(specifier, { try: true });
  if (found === undefined) return undefined;
  return found.startsWith('file:') ? fileURLToPath(found) : found;
}

function isLocal(file: string): boolean {
  return /^([a-zA-Z]:)?[/\\]/.test(file) && !/[/\\]node_modules[/\\]/.test(file);
}

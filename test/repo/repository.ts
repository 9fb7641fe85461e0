/** The repository as the tests of this folder read it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Workspaces in the order in which they may import each other. */
export const PACKAGES = ['sdk', 'core', 'plugins'] as const;
export type PackageFolder = (typeof PACKAGES)[number];

export interface Manifest {
  name: string;
  version: string;
  exports: Record<string, unknown>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export function manifestOf(folder: PackageFolder): Manifest {
  return JSON.parse(read(`${folder}/package.json`)) as Manifest;
}

/** @throws Error when it is not there: what the repository must have is not optional here. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** TypeScript sources of a package, from the repository's root. What is built or installed is none. */
export function sourcesOf(folder: PackageFolder): string[] {
  const top = folder === 'plugins' ? folder : `${folder}/src`;
  return readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !/[\\/](dist|node_modules)([\\/]|$)/.test(entry.parentPath))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

export function pluginFolders(): string[] {
  return readdirSync(join(ROOT, 'plugins'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'dist' && entry.name !== 'node_modules')
    .map((entry) => entry.name)
    .sort();
}

/** What a source imports: statically, for its types alone, or by `import('…')`. What stands in comments and templates is text. */
export function importsOf(source: string): string[] {
  const code = source.replaceAll(/^\s*(?:\*|\/\/|\/\*).*$/gm, '');
  // With an odd number of backticks nobody knows where a template ends: better one import too many.
  const isPaired = code.split('`').length % 2 === 1;
  const bare = isPaired ? code.replaceAll(/`(?:\\.|[^`\\])*`/gs, '``') : code;
  const clauses = bare.matchAll(/^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s+)?['"]([^'"]+)['"]/gm);
  const calls = bare.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g);
  return [...clauses, ...calls].map((match) => match[1]!);
}

/** `pino` of `pino/file.js`, `@steelyard/sdk` of `@steelyard/sdk/testkit`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

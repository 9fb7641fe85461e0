/** Which plugins of our own package are there, found by reading its folder: the core knows none by name. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const PLUGINS_PACKAGE = '@steelyard/plugins';

/** Names of the plugins of `@steelyard/plugins` as seen from a folder; empty when it is not installed there. */
export function installedPlugins(folder: string): string[] {
  const home = findPackage(folder);
  if (home === undefined) return [];
  // Published it is built into `dist`; in the repository the sources stand at its top.
  for (const [root, entry] of [[join(home, 'dist'), 'index.js'], [home, 'index.ts']] as const) {
    const names = foldersWith(root, entry);
    if (names.length > 0) return names;
  }
  return [];
}

function findPackage(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', PLUGINS_PACKAGE);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(at) === at) return undefined;
  }
}

function foldersWith(root: string, entry: string): string[] {
  try {
    return readdirSync(root).filter((name) => existsSync(join(root, name, entry))).sort();
  } catch {
    return [];
  }
}

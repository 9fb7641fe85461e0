/** Where transpiled configs and plugins are kept from one load to the next. */
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder of this user's alone, `false` = there is none to be had, and every load transpiles anew (about 0.1 s of CPU).
 * Left alone, jiti takes `node_modules/.cache` or `/tmp/jiti` with files that everybody may read, and runs what it finds there: a local user reads the keys
 * of a config in it, and one who makes `/tmp/jiti` first has code of his own run by the balancer.
 */
export function transpiledFolder(parent = tmpdir()): string | false {
  const user = process.geteuid?.();
  if (user === undefined) return false;
  const folder = join(parent, `steelyard-${user}`);
  try {
    mkdirSync(folder, { mode: 0o700, recursive: false });
  } catch {
    // It may be there already: whose it is, is asked in any case.
  }
  try {
    // Not through a symbolic link: that could be turned elsewhere afterwards.
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === user && (found.mode & 0o077) === 0 ? folder : false;
  } catch {
    return false;
  }
}

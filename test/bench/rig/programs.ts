/** Which programs the machine has, and in which version. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian puts servers there, and leaves it out of the PATH of everyone but root. */
const ALSO = ['/usr/sbin', '/usr/local/sbin'];

export interface Program {
  name: string;
  file: string;
  version: string;
}

/** `undefined` = not installed. */
export function findProgram(name: string, versionFlag: string): Program | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ALSO];
  const file = folders.map((folder) => join(folder, name)).find(isExecutable);
  return file === undefined ? undefined : { name, file, version: versionOf(file, versionFlag) };
}

/** Programs differ in where they print their version, and in how they exit after it: the first number with a dot counts. */
function versionOf(file: string, flag: string): string {
  const text = execFileSync('/bin/sh', ['-c', '"$0" "$1" 2>&1; true', file, flag], { encoding: 'utf8' });
  return /\d+\.\d+[\w.+-]*/.exec(text)?.[0] ?? 'of unknown version';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Node's and jiti's ways to say that an import was not found, as one sentence. */
import { dirname, isAbsolute } from 'node:path';
import { installedPlugins, PLUGINS_PACKAGE } from './installed.ts';
import { nearest } from './nearest.ts';

export interface MissingImport {
  sentence: string;
  hint: string;
}

/** `undefined` when what was thrown is about something else. `file`: the config, where the error does not name the importer. */
export function findMissingImport(thrown: unknown, file: string): MissingImport | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const match = /^Cannot find (?:module|package) '([^']+)'(?: imported from (\S+)|\nRequire stack:\n- (\S+))?/.exec(thrown.message);
  if (match === null) return undefined;
  const [, written = '', viaImport, viaRequire] = match;
  const specifier = packagePath(written);
  const importer = viaImport ?? viaRequire ?? file;
  const sentence = `cannot find '${specifier}', imported by ${importer}`;
  if (specifier.startsWith('.') || isAbsolute(specifier)) return { sentence, hint: 'is the path right, with its extension?' };
  return { sentence, hint: packageHint(specifier, dirname(importer)) };
}

/** A linked package is looked up by the path of its file: `…/node_modules/@steelyard/plugins/foo/index.ts` was `@steelyard/plugins/foo`. */
function packagePath(written: string): string {
  if (!isAbsolute(written)) return written;
  return /^.*[/\\]node_modules[/\\](.+?)(?:[/\\]index\.[cm]?[jt]s)?$/.exec(written)?.[1]?.replaceAll('\\', '/') ?? written;
}

function packageHint(specifier: string, folder: string): string {
  if (specifier.startsWith(`${PLUGINS_PACKAGE}/`)) {
    const installed = installedPlugins(folder);
    if (installed.length === 0) return `npm install ${PLUGINS_PACKAGE}`;
    const meant = nearest(specifier.slice(PLUGINS_PACKAGE.length + 1), installed);
    return meant === undefined ? `${PLUGINS_PACKAGE} has ${installed.join(', ')}` : `did you mean '${PLUGINS_PACKAGE}/${meant}'?`;
  }
  const [scopeOrName = '', name] = specifier.split('/');
  return `npm install ${scopeOrName.startsWith('@') && name !== undefined ? `${scopeOrName}/${name}` : scopeOrName}`;
}

/** Whose fault an error was that reached nobody: the first plugin on its stack. */

/** @param names of the plugins that run; a name is looked for as a folder, as a file, and as a package `steelyard-plugin-<name>`. `undefined` = cannot be told. */
export function pluginOfStack(thrown: unknown, names: readonly string[]): string | undefined {
  for (const line of stackOf(thrown).split('\n')) {
    if (!/^\s*at /.test(line)) continue;
    const parts = line.split(/[/\\()]/).map((part) => part.replace(/(\.[cm]?[jt]s)?(:\d+)*$/, ''));
    const found = names.find((name) => parts.includes(name) || parts.includes(`steelyard-plugin-${name}`));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** '' where there is none, or none that can be read: its getters are somebody else's code. */
function stackOf(thrown: unknown): string {
  try {
    return thrown instanceof Error && typeof thrown.stack === 'string' ? thrown.stack : '';
  } catch {
    return '';
  }
}

/** The two ways in: a config from a file, and one from a program. */
import { dirname, resolve } from 'node:path';
import type { ConfigEnv } from '@steelyard/sdk';
import { readConfigFile } from './config-file.ts';
import { createLoader } from './module-loader.ts';
import { ConfigError } from './report.ts';
import { resolveFrom } from './resolve.ts';
import type { ResolvedConfig } from './resolved.ts';

/**
 * Reads and resolves a config file. `files`: local files; a change of one may change the config.
 * @throws ConfigError ERR_CONFIG_NOT_FOUND, ERR_CONFIG_LOAD, or ERR_CONFIG with all faults; each with `files`
 */
export async function loadConfig(path: string, env: ConfigEnv): Promise<{ resolved: ResolvedConfig; files: string[] }> {
  const file = resolve(path);
  const folder = dirname(file);
  return await inTurn(async () => {
    const loader = createLoader(folder);
    const files = (): string[] => [...new Set([file, ...loader.files()])];
    try {
      const config = await readConfigFile(file, env, loader);
      return { resolved: await resolveFrom(config, { folder, loader }, file), files: files() };
    } catch (thrown) {
      if (thrown instanceof ConfigError) thrown.files = files();
      throw thrown;
    }
  });
}

/**
 * Resolves a config given as an object (`createBalancer(config)`).
 * @param baseFolder where plugins that the config names are looked for
 * @throws ConfigError ERR_CONFIG with all faults
 */
export async function resolveConfig(config: unknown, baseFolder: string): Promise<ResolvedConfig> {
  return await inTurn(() => resolveFrom(config, { folder: baseFolder, loader: createLoader(baseFolder) }, 'the config'));
}

/** One after the other: loaders share Node's module cache, and each begins by taking the last one's files out of it. */
async function inTurn<T>(load: () => Promise<T>): Promise<T> {
  const turn = lastLoad.then(load);
  lastLoad = turn.catch(() => {});
  return await turn;
}
let lastLoad: Promise<unknown> = Promise.resolve();

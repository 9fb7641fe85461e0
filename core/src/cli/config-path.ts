/** Which config a command is about. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONFIG_EXTENSIONS } from '../config/config-file.ts';
import { ConfigError } from '../config/report.ts';

const BASE_NAME = 'balancer.config';

/** The config named, or the first of the usual names that is there; `undefined` = none is. */
export function findConfig(named: string | undefined, folder: string): string | undefined {
  if (named !== undefined) return resolve(folder, named);
  return CONFIG_EXTENSIONS.map((extension) => resolve(folder, BASE_NAME + extension)).find((file) => existsSync(file));
}

/** @throws ConfigError ERR_CONFIG_NOT_FOUND */
export function needConfig(named: string | undefined, folder: string): string {
  const file = findConfig(named, folder);
  if (file !== undefined) return file;
  const names = CONFIG_EXTENSIONS.map((extension) => BASE_NAME + extension).join(', ');
  throw new ConfigError('ERR_CONFIG_NOT_FOUND', `there is no config in ${folder}: looked for ${names}`, { hint: 'steelyard init writes a first one, --config names another' });
}

/** What a config file exports, or one sentence with its place why there is nothing. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { describeError, isSteelyardError, type ConfigEnv } from '@steelyard/sdk';
import { codeFrame } from './code-frame.ts';
import { showValue } from './faults.ts';
import { findMissingImport } from './missing-import.ts';
import type { ModuleLoader } from './module-loader.ts';
import { ConfigError } from './report.ts';

export const CONFIG_EXTENSIONS = ['.ts', '.js', '.mjs', '.json'];

/**
 * Runs a config file and gives what it exports: an object, a promise of one, or a function of `env` that gives either.
 * @param file an absolute path
 * @throws ConfigError ERR_CONFIG_NOT_FOUND, or ERR_CONFIG_LOAD with file, line and column where they are known
 */
export async function readConfigFile(file: string, env: ConfigEnv, loader: ModuleLoader): Promise<unknown> {
  if (!CONFIG_EXTENSIONS.includes(extname(file))) {
    throw new ConfigError('ERR_CONFIG_LOAD', `${file} is no config file: its name must end in ${CONFIG_EXTENSIONS.join(', ')}`);
  }
  const source = await readSource(file);
  if (extname(file) === '.json') return parseJson(file, source);
  let exported: Record<string, unknown>;
  try {
    exported = await loader.importModule(file);
  } catch (thrown) {
    throw await describeLoadFailure(file, thrown, loader);
  }
  // A CommonJS module is its exports; jiti marks what was an ES module.
  const config = exported.default ?? (extname(file) === '.js' && !('__esModule' in exported) ? exported : undefined);
  if (config === undefined) {
    const named = Object.keys(exported).filter((key) => key !== '__esModule');
    const has = named.length === 0 ? 'exports nothing' : `exports ${named.join(', ')} only`;
    throw new ConfigError('ERR_CONFIG_LOAD', `${file} has no default export (it ${has}): write \`export default defineConfig({ ... })\``);
  }
  try {
    return await (typeof config === 'function' ? (config as (env: ConfigEnv) => unknown)(env) : config);
  } catch (thrown) {
    throw await describeLoadFailure(file, thrown, loader);
  }
}

async function readSource(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new ConfigError('ERR_CONFIG_NOT_FOUND', `there is no config file ${file}`, { hint: 'steelyard init writes a first one' });
    throw new ConfigError('ERR_CONFIG_LOAD', `${file} cannot be read: ${describeError(thrown)}`);
  }
}

function parseJson(file: string, source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (thrown) {
    const message = describeError(thrown);
    const position = /position (\d+)/.exec(message);
    const before = source.slice(0, position === null ? source.length : Number(position[1]));
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    throw new ConfigError('ERR_CONFIG_LOAD', `${file}:${line}:${column} is not valid JSON: ${message.replace(/ in JSON at position.*$/s, '')}\n${codeFrame(source, line, column)}`);
  }
}

/** A sentence for what a config threw while it ran, was parsed, or looked for its imports. */
async function describeLoadFailure(file: string, thrown: unknown, loader: ModuleLoader): Promise<ConfigError> {
  if (isSteelyardError(thrown)) return new ConfigError('ERR_CONFIG_LOAD', `${file} threw: ${describeError(thrown)}`);
  const message = thrown instanceof Error ? thrown.message : showValue(thrown);
  const missing = findMissingImport(thrown, file);
  if (missing !== undefined) return new ConfigError('ERR_CONFIG_LOAD', missing.sentence, { hint: missing.hint });
  // jiti: `ParseError: <what>\n <file>:<line>:<column from 0>`
  const syntax = /^ParseError: (.*?)\s*\n\s*(.*):(\d+):(\d+)/s.exec(message);
  if (syntax !== null) {
    const [, what = '', where = file, line = '1', column = '0'] = syntax;
    const frame = await frameOf(where, Number(line), Number(column) + 1);
    return new ConfigError('ERR_CONFIG_LOAD', `${where}:${line}:${Number(column) + 1} is no valid TypeScript or JavaScript: ${what}${frame}`);
  }
  const place = placeOf(thrown, [file, ...loader.files()]);
  if (place === undefined) return new ConfigError('ERR_CONFIG_LOAD', `${file} threw while it was loaded: ${message}`);
  // Lines survive jiti's transpiling, columns do not.
  const frame = await frameOf(place.file, place.line);
  return new ConfigError('ERR_CONFIG_LOAD', `${place.file}:${place.line} threw while it was loaded: ${message}${frame}`);
}

/** The innermost line of the user's own on the stack. */
function placeOf(thrown: unknown, files: readonly string[]): { file: string; line: number } | undefined {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return undefined;
  for (const line of thrown.stack.split('\n')) {
    const match = /\(?((?:file:\/\/)?[^()\s][^()]*):(\d+):\d+\)?$/.exec(line.replace(/^\s*at (?:async )?/, '').trim());
    if (match === null) continue;
    const file = files.find((known) => match[1]!.endsWith(known));
    if (file !== undefined) return { file, line: Number(match[2]) };
  }
  return undefined;
}

async function frameOf(file: string, line: number, column?: number): Promise<string> {
  try {
    return `\n${codeFrame(await readFile(file, 'utf8'), line, column)}`;
  } catch {
    return '';
  }
}

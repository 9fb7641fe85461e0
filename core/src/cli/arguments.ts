/** The command line as values, or one sentence why it is not understood. */
import { parseArgs } from 'node:util';
import { SteelyardError } from '@steelyard/sdk';
import { nearest } from '../config/nearest.ts';
import { MAX_WORKERS } from '../config/workers.ts';

export const COMMANDS = ['start', 'check', 'init', 'plugins', 'help'] as const;
export type CommandName = (typeof COMMANDS)[number];
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Arguments {
  command: CommandName;
  /** Of `help`, or of a command with `--help`. */
  topic: CommandName | undefined;
  config: string | undefined;
  logLevel: LogLevel | undefined;
  json: boolean;
  watch: boolean;
  /** `auto` = one per core; `undefined` = as the config says. */
  workers: number | 'auto' | undefined;
  version: boolean;
}

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  'log-level': { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean' },
  watch: { type: 'boolean', short: 'w' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;
type OptionName = keyof typeof OPTIONS;
const isOption = (name: string): name is OptionName => Object.hasOwn(OPTIONS, name);

/** What each command understands beside `--help` and `--version`. */
const OPTIONS_OF: Record<CommandName, readonly OptionName[]> = {
  start: ['config', 'watch', 'log-level', 'workers', 'json'],
  check: ['config', 'json'],
  init: ['config'],
  plugins: ['config', 'json'],
  help: [],
};

/** @throws SteelyardError ERR_USAGE, with what was probably meant as its hint */
export function parseArguments(args: readonly string[]): Arguments {
  const { values, positionals, tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, allowPositionals: true, tokens: true });
  const given = new Set<OptionName>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (!isOption(token.name)) throw unknownOption(token.rawName);
    given.add(token.name);
    const { type } = OPTIONS[token.name];
    if (type === 'string' && (token.value === undefined || token.value === '')) throw usage(`${token.rawName} needs a value`);
    if (type === 'boolean' && token.value !== undefined) throw usage(`${token.rawName} takes no value`);
  }
  const [named, topic, ...rest] = positionals;
  const command = named === undefined ? 'start' : commandOf(named);
  const extra = command === 'help' ? rest[0] : topic;
  if (extra !== undefined) throw usage(`'${extra}' is one word too many`, `steelyard help ${command}`);
  for (const name of given) {
    if (name === 'help' || name === 'version' || OPTIONS_OF[command].includes(name)) continue;
    throw usage(`--${name} means nothing to ${command}`, `steelyard help ${command}`);
  }
  return {
    command: values.help === true ? 'help' : command,
    topic: command !== 'help' ? (named === undefined ? undefined : command) : topic === undefined ? undefined : commandOf(topic),
    config: values.config as string | undefined,
    logLevel: logLevelOf(values['log-level'] as string | undefined),
    json: values.json === true,
    watch: values.watch === true,
    workers: workersOf(values.workers as string | undefined),
    version: values.version === true,
  };
}

function commandOf(word: string): CommandName {
  const command = COMMANDS.find((name) => name === word);
  if (command !== undefined) return command;
  if (/\.(ts|js|mjs|json)$/.test(word)) throw usage(`'${word}' is no command`, `did you mean --config ${word}?`);
  const meant = nearest(word, COMMANDS);
  throw usage(`'${word}' is no command`, meant === undefined ? `commands are ${COMMANDS.join(', ')}` : `did you mean ${meant}?`);
}

function unknownOption(rawName: string): SteelyardError {
  const meant = nearest(rawName.replace(/^-+/, ''), Object.keys(OPTIONS));
  return usage(`${rawName} is no option`, meant === undefined ? 'steelyard help lists them' : `did you mean --${meant}?`);
}

function logLevelOf(word: string | undefined): LogLevel | undefined {
  if (word === undefined) return undefined;
  const level = LOG_LEVELS.find((each) => each === word);
  if (level !== undefined) return level;
  const meant = nearest(word, LOG_LEVELS);
  throw usage(`--log-level is ${word}, must be one of ${LOG_LEVELS.join(', ')}`, meant === undefined ? '' : `did you mean ${meant}?`);
}

function workersOf(word: string | undefined): number | 'auto' | undefined {
  if (word === undefined || word === 'auto') return word;
  if (/^\d{1,2}$/.test(word) && Number(word) <= MAX_WORKERS) return Number(word);
  throw usage(`--workers is ${word}, must be a whole number from 0 to ${MAX_WORKERS}, or auto for one per core`);
}

function usage(message: string, hint = ''): SteelyardError {
  return new SteelyardError('ERR_USAGE', { source: 'config', message, hint });
}

/** The fuzzer's command line. */
import { parseArgs } from 'node:util';
import { KINDS, type Kind } from './cases.ts';
import { type Input, unescaped } from './meaning.ts';

const MOST_MINUTES = 1_440;
const MOST_WORKERS = 64;
const MOST_NUMBER = 2 ** 31 - 1;

export interface Options {
  minutes: number;
  seed: number;
  kinds: Kind[];
  workers: number;
  /** One case alone; -1 = all, from 0 on. */
  number: number;
  /** These bytes alone. */
  input: Input | undefined;
  isGuided: boolean;
  /** Write the corpus that a guided run has found. */
  save: boolean;
  help: boolean;
}

export const HELP = `npm run fuzz [-- <options>]   holds the HTTP/1.1 parsers against llhttp, against the grammar they come from, and against themselves

  --minutes <n>     how long (default 1; parts of a minute are fine)
  --seed <n>        the same seed gives the same cases (default: by the clock; it is printed)
  --only <kinds>    of: ${KINDS.join(', ')} (default: all)
  --workers <n>     threads (default 1)
  --case <n>        this case of the seed and kind alone
  --side <side>     request or response, with --input
  --input <text>    these bytes alone, as a JSON string; --methods HEAD,GET says what responses answer
  --guided          let the code that the inputs reach choose what is mutated next; begins with test/fuzz/corpus
  --save            add what --guided found to test/fuzz/corpus
  --help

Exits with 1 at the first difference, with the smallest input that shows it and the command that repeats it.`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[], seedOfTheDay: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(seedOfTheDay) },
      only: { type: 'string' },
      workers: { type: 'string', default: '1' },
      case: { type: 'string' },
      side: { type: 'string' },
      input: { type: 'string' },
      methods: { type: 'string', default: '' },
      guided: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const number = values.case === undefined ? -1 : integer('--case', values.case, 0, MOST_NUMBER);
  const kinds = kindsOf(values.only);
  if (number >= 0 && kinds.length > 1) throw new Error('--case is a case of one kind: name it with --only');
  return {
    minutes: minutesOf(values.minutes),
    seed: integer('--seed', values.seed, 0, MOST_NUMBER),
    kinds, number,
    workers: integer('--workers', values.workers, 1, MOST_WORKERS),
    input: values.input === undefined ? undefined : inputOf(values.input, values.side, values.methods),
    isGuided: values.guided,
    save: values.save,
    help: values.help,
  };
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= MOST_MINUTES)) throw new Error(`--minutes must be a number above 0 and up to ${MOST_MINUTES}, not ${text}`);
  return minutes;
}
function integer(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > most) throw new Error(`${option} must be a whole number from ${least} to ${most}, not ${text}`);
  return number;
}
function kindsOf(text: string | undefined): Kind[] {
  if (text === undefined) return [...KINDS];
  return text.split(',').map((name) => {
    const kind = KINDS.find((known) => known === name);
    if (kind === undefined) throw new Error(`--only knows ${KINDS.join(', ')}, but not ${name}`);
    return kind;
  });
}
function inputOf(text: string, side: string | undefined, methods: string): Input {
  if (side !== 'request' && side !== 'response') throw new Error('--input needs --side request or --side response');
  return { side, text: unescaped(text), methods: methods === '' ? [] : methods.split(','), checkSeed: 1 };
}

/** The command line of `bench:picks`. */
import { parseArgs } from 'node:util';

export const SIZES = [2, 10, 100, 1_000];
export const DEFAULT_ROUNDS = 31;
const MOST_ROUNDS = 1_000;

export interface Options {
  /** Rounds of each number; each takes about 4 ms. */
  rounds: number;
  strategies: string[];
  /** Write `results/picks.*`. */
  save: boolean;
  help: boolean;
}

export const help = (known: readonly string[]): string => `npm run bench:picks [-- <options>]   what a pick costs, strategy by strategy, at ${SIZES.join(', ')} backends

  --rounds <n>    rounds of about 4 ms for each number; their median counts (default ${DEFAULT_ROUNDS})
  --only <names>  of: ${known.join(', ')} (default: all)
  --save          write test/bench/results/picks.md and .json even after a run of less than the whole bench
  --help

Names are separated by commas. With the defaults it takes about two minutes and one core. A quiet machine gives narrower spreads.`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[], known: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      only: { type: 'string' },
      save: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MOST_ROUNDS) throw new Error(`--rounds is a whole number from 1 to ${MOST_ROUNDS}, given: ${values.rounds}`);
  const strategies = values.only === undefined ? [...known] : [...new Set(values.only.split(',').map((name) => name.trim()))];
  const unknown = strategies.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only knows ${known.join(', ')}, given: ${unknown.join(', ')}`);
  return { rounds, strategies, save: values.save ?? (rounds >= DEFAULT_ROUNDS && values.only === undefined), help: values.help };
}

/** The bench's command line. */
import { parseArgs } from 'node:util';
import { PEER_NAMES } from './peers.ts';
import { SCENARIOS } from './scenarios.ts';

export const DEFAULT_ROUNDS = 15;
const DEFAULT_SECONDS = 2;
const MOST_ROUNDS = 1_000;
const MOST_SECONDS = 600;

export interface Options {
  rounds: number;
  /** Of load on each proxy in each round. */
  seconds: number;
  scenarios: string[];
  /** Steelyard is always measured beside them. */
  peers: string[];
  /** Write `results/latest.*`. */
  save: boolean;
  help: boolean;
}

export const HELP = `npm run bench [-- <options>]   compares Steelyard with other proxies in the same run

  --rounds <n>        rounds; in each, every proxy has its turn, in random order (default ${DEFAULT_ROUNDS})
  --seconds <n>       of load on each proxy in each round (default ${DEFAULT_SECONDS})
  --scenario <names>  of: ${SCENARIOS.map(({ name }) => name).join(', ')} (default: all)
  --only <peers>      of: ${PEER_NAMES.join(', ')} (default: all that are installed)
  --save              write test/bench/results/latest.* even after a run of less than ${DEFAULT_ROUNDS} rounds, one scenario or few peers
  --help

Names are separated by commas. With the defaults it takes about two minutes. Needs Linux and wrk; apt-get install wrk nginx haproxy
brings all. Ratios are of CPU time per request, so they stand a machine that does other things as well; a quiet one gives narrower intervals.`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
      scenario: { type: 'string' },
      only: { type: 'string' },
      save: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = integer('--rounds', values.rounds, MOST_ROUNDS);
  const isWhole = rounds >= DEFAULT_ROUNDS && values.scenario === undefined && values.only === undefined;
  return {
    rounds,
    seconds: integer('--seconds', values.seconds, MOST_SECONDS),
    scenarios: names('--scenario', values.scenario, SCENARIOS.map(({ name }) => name)),
    peers: names('--only', values.only, PEER_NAMES),
    save: values.save ?? isWhole,
    help: values.help,
  };
}

function integer(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new Error(`${option} is a whole number from 1 to ${most}, given: ${text}`);
  return value;
}

function names(option: string, text: string | undefined, allowed: readonly string[]): string[] {
  if (text === undefined) return [...allowed];
  const given = [...new Set(text.split(',').map((name) => name.trim()))];
  const unknown = given.filter((name) => !allowed.includes(name));
  if (unknown.length > 0) throw new Error(`${option} knows ${allowed.join(', ')}, given: ${unknown.join(', ')}`);
  return given;
}

/** The bench's command line. */
import { parseArgs } from 'node:util';
import { PEER_NAMES } from './contenders.ts';
import { SCENARIOS } from './scenarios.ts';

export const DEFAULT_ROUNDS = 15;
const MOST_ROUNDS = 1_000;
const MOST_SECONDS = 600;

export interface Options {
  rounds: number;
  /** Of load on each proxy in each round; `undefined` = each scenario's own. */
  seconds: number | undefined;
  scenarios: string[];
  /** Steelyard is always measured beside them. */
  peers: string[];
  /** Write `results/latest.*`. */
  save: boolean;
  /** Write the same three files there as well. */
  out: string | undefined;
  help: boolean;
}

export const HELP = `npm run bench [-- <options>]   compares Steelyard with other proxies in the same run

  --rounds <n>        rounds; in each, every proxy has its turn, in random order (default ${DEFAULT_ROUNDS}; some scenarios need fewer)
  --seconds <n>       of load on each proxy in each round (default: the scenario's own, 2 or 3)
  --scenario <names>  of: ${SCENARIOS.map(({ name }) => name).join(', ')} (default: all)
  --peers <names>     of: ${PEER_NAMES.join(', ')} (default: all that are installed)
  --out <folder>      write the results there as well
  --save              write test/bench/results/latest.* even after a run of less than the whole bench
  --help

Names are separated by commas. With the defaults it takes about 50 minutes. Needs Linux, nginx and wrk; what else is missing is named, with the
command that brings it. On Debian: apt-get install nginx libnginx-mod-stream haproxy caddy wrk nghttp2-client.
Ratios are formed within a round, so they stand a machine that does other things as well; a quiet one gives narrower intervals.`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      seconds: { type: 'string' },
      scenario: { type: 'string' },
      peers: { type: 'string' },
      out: { type: 'string' },
      save: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = integer('--rounds', values.rounds, MOST_ROUNDS);
  const seconds = values.seconds === undefined ? undefined : integer('--seconds', values.seconds, MOST_SECONDS);
  const isWhole = rounds >= DEFAULT_ROUNDS && (seconds ?? Infinity) > 1 && values.scenario === undefined && values.peers === undefined;
  return {
    rounds,
    seconds,
    scenarios: names('--scenario', values.scenario, SCENARIOS.map(({ name }) => name)),
    peers: names('--peers', values.peers, PEER_NAMES),
    save: values.save ?? isWhole,
    out: values.out,
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

/** The command line of `npm run bench:balance`. */
import { parseArgs } from 'node:util';
import { BALANCERS } from './balancers.ts';
import { WARM_UP_SECONDS } from './setting.ts';

export const DEFAULT_ROUNDS = 5;
export const DEFAULT_SECONDS = 20;
export const DEFAULT_SEED = 20_260_101;
const MOST_ROUNDS = 1_000;
const MOST_SECONDS = 600;
const MOST_SEED = 1_000_000_000;

export interface Options {
  rounds: number;
  /** Counted, of load on each balancer in each round. */
  seconds: number;
  /** Before them, not counted. Not on the command line. */
  warmUpSeconds: number;
  /** Round i has the schedule of `seed + i`. */
  seed: number;
  only: string[];
  /** Write `results/balance.*`. */
  save: boolean;
  help: boolean;
}

export const HELP = `npm run bench:balance [-- <options>]   tail latency of Steelyard's strategies beside other balancers, in the same run

  --rounds <n>     rounds; in each, every balancer has its turn, in random order (default ${DEFAULT_ROUNDS})
  --seconds <n>    of load on each balancer in each round (default ${DEFAULT_SECONDS})
  --seed <n>       of arrivals, work and antagonists (default ${DEFAULT_SEED}, 0 to ${MOST_SEED}): the same seed is the same load
  --only <names>   of: ${BALANCERS.map(({ name }) => name).join(', ')} (default: all that are installed)
  --save           write test/bench/results/balance.md, .json, .svg, anew after each round: an interrupted run leaves what it has
  --help

Names are separated by commas. With the defaults it takes about 24 minutes. Needs Linux; on Debian the peers are apt-get install nginx haproxy caddy.
The same in virtual time, in seconds, with rules that know more than a balancer can: node test/bench/balance/simulate.ts [rounds] [seconds]
Backends wait, they do not compute. The machine should be quiet all the same: what else runs delays timers and answers of all.`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
      seed: { type: 'string', default: String(DEFAULT_SEED) },
      only: { type: 'string' },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const known = BALANCERS.map(({ name }) => name);
  const only = values.only === undefined ? known : [...new Set(values.only.split(',').map((name) => name.trim()))];
  const unknown = only.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only knows ${known.join(', ')}, given: ${unknown.join(', ')}`);
  return {
    rounds: integer('--rounds', values.rounds, 1, MOST_ROUNDS),
    seconds: integer('--seconds', values.seconds, 1, MOST_SECONDS),
    warmUpSeconds: WARM_UP_SECONDS,
    seed: integer('--seed', values.seed, 0, MOST_SEED),
    only, save: values.save, help: values.help,
  };
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most) throw new Error(`${option} is a whole number from ${least} to ${most}, given: ${text}`);
  return value;
}

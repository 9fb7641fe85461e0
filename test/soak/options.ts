/** The soak's command line. */
import { parseArgs } from 'node:util';

const DEFAULT_MINUTES = 60;
const SHORT_MINUTES = 5;
const DEFAULT_RATE = 200;
/** Traffic between two quiet points: shorter in a short run, so that there are enough of them. */
const ROUND_SECONDS = 25;
const SHORT_ROUND_SECONDS = 8;

export interface Options {
  seconds: number;
  roundSeconds: number;
  seed: number;
  workers: number;
  rate: number;
  /** Write `results/latest.*`. */
  save: boolean;
  /** Write the same three files there as well. */
  out: string | undefined;
  nodeOptions: string[];
  help: boolean;
}

export const HELP = `npm run soak [-- <options>]   mixed traffic with churn, reloads and faults; what must be flat at its end

  --minutes <n>     of the whole run, from 0.1 (default ${DEFAULT_MINUTES})
  --short           ${SHORT_MINUTES} minutes
  --seed <n>        of all that is drawn (default 1)
  --workers <n>     threads of the balancer, 0 to 8 (default 2)
  --rate <n>        exchanges begun per second, 1 to 5,000 (default ${DEFAULT_RATE})
  --out <folder>    write the results there as well
  --save            write test/soak/results/latest.* even after a run of less than an hour
  --node <option>   passed on to the balancer's Node, as --node=--trace-gc; may come several times
  --help

It exits with 1 when anything did not hold. Needs Linux (/proc).`;

/** @throws a sentence for the user */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string' }, short: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' }, workers: { type: 'string', default: '2' },
      rate: { type: 'string', default: String(DEFAULT_RATE) }, out: { type: 'string' }, save: { type: 'boolean' }, node: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.short && values.minutes !== undefined) throw new Error('--short and --minutes say two lengths');
  const minutes = number('--minutes', values.minutes ?? String(values.short ? SHORT_MINUTES : DEFAULT_MINUTES), 0.1, 100_000, false);
  return {
    seconds: minutes * 60,
    roundSeconds: Math.min(minutes < 20 ? SHORT_ROUND_SECONDS : ROUND_SECONDS, minutes * 15),
    seed: number('--seed', values.seed, 0, 2 ** 31, true),
    workers: number('--workers', values.workers, 0, 8, true),
    rate: number('--rate', values.rate, 1, 5_000, false),
    save: values.save ?? minutes >= DEFAULT_MINUTES,
    out: values.out,
    nodeOptions: values.node,
    help: values.help,
  };
}

function number(option: string, text: string, least: number, most: number, isWhole: boolean): number {
  const value = Number(text);
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value))) throw new Error(`${option} is a ${isWhole ? 'whole ' : ''}number from ${least} to ${most}, given: ${text}`);
  return value;
}

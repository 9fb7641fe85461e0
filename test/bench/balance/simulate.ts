/**
 * `node test/bench/balance/simulate.ts [rounds] [seconds]`: the bench in virtual time, thousands of requests in a fraction of a second. What a rule of choice
 * is worth, without packets and timers; and what is possible at all, by rules that know what no balancer can know.
 */
import { asText, type Table } from '../../report/table.ts';
import { DEFAULT_ROUNDS, DEFAULT_SECONDS, DEFAULT_SEED, type Options } from './options.ts';
import { STRATEGIES } from './peers/strategies.ts';
import { BOUNDS, PEERS, strategyRule } from './rules.ts';
import { arrivalsOf } from './schedule.ts';
import { WARM_UP_SECONDS } from './setting.ts';
import { simulate, type MakeRule } from './simulation.ts';
import { tailOf, type Tail } from './tail.ts';

export interface Simulated extends Tail {
  name: string;
  /** `peer`: a rule that one of them documents. `bound`: one that knows more than a balancer can. */
  kind: 'ours' | 'peer' | 'bound';
}

const RULES: readonly (readonly [string, Simulated['kind'], MakeRule])[] = [
  ...Object.entries(STRATEGIES).map(([name, use]) => [name, 'ours', strategyRule(use(), name === 'prequal-hints')] as const),
  ...Object.entries(PEERS).map(([name, makeRule]) => [name, 'peer', makeRule] as const),
  ...Object.entries(BOUNDS).map(([name, makeRule]) => [name, 'bound', makeRule] as const),
];

type Schedules = Pick<Options, 'rounds' | 'seconds' | 'warmUpSeconds' | 'seed'>;

/** Over the schedules of all rounds, without their warm-ups. */
export async function simulatedTail(makeRule: MakeRule, { rounds, seconds, warmUpSeconds, seed }: Schedules): Promise<Tail> {
  const latenciesMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const firstCounted = arrivalsOf(seed + round, warmUpSeconds + seconds).findIndex((at) => at >= warmUpSeconds * 1e3);
    for (const latencyMs of (await simulate(makeRule, seed + round, warmUpSeconds + seconds)).subarray(firstCounted)) latenciesMs.push(latencyMs);
  }
  return tailOf(latenciesMs);
}

export async function simulateAll(schedules: Schedules): Promise<Simulated[]> {
  const all: Simulated[] = [];
  for (const [name, kind, makeRule] of RULES) all.push({ name, kind, ...(await simulatedTail(makeRule, schedules)) });
  return all;
}

export function simulatedTable(simulated: readonly Simulated[]): Table {
  return {
    head: ['simulated', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    rows: simulated.toSorted((a, b) => a.p99Ms - b.p99Ms).map(({ name, kind, p50Ms, p99Ms, p999Ms }) => [
      { ours: `steelyard ${name}`, peer: name, bound: `(one who ${name})` }[kind], ...[p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(1)),
    ]),
  };
}

if (import.meta.main) {
  const [rounds = DEFAULT_ROUNDS, seconds = DEFAULT_SECONDS] = process.argv.slice(2).map(Number);
  console.log(asText(simulatedTable(await simulateAll({ rounds, seconds, warmUpSeconds: WARM_UP_SECONDS, seed: DEFAULT_SEED }))));
}

/**
 * `node test/bench/balance/simulate.ts [rounds] [seconds]`: the bench in virtual time, thousands of requests in a fraction of a second. What a rule of choice
 * is worth, without packets and timers; and what is possible at all, by rules that know what no balancer can know.
 */
import { asText } from '../../report/table.ts';
import { DEFAULT_ROUNDS, DEFAULT_SECONDS, DEFAULT_SEED } from './options.ts';
import { STRATEGIES } from './peers/strategies.ts';
import { BOUNDS, PEERS, strategyRule } from './rules.ts';
import { arrivalsOf } from './schedule.ts';
import { WARM_UP_SECONDS } from './setting.ts';
import { simulate, type MakeRule } from './simulation.ts';
import { tailOf, type Tail } from './summary.ts';

/** @param seed of the bench: round i has the schedule of `seed + i` @returns over all rounds, without the warm-up */
export async function simulatedTail(makeRule: MakeRule, rounds: number, seconds: number, seed: number): Promise<Tail> {
  const latenciesMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const due = arrivalsOf(seed + round, WARM_UP_SECONDS + seconds);
    const firstCounted = due.findIndex((at) => at >= WARM_UP_SECONDS * 1e3);
    for (const latencyMs of (await simulate(makeRule, seed + round, WARM_UP_SECONDS + seconds)).subarray(firstCounted)) latenciesMs.push(latencyMs);
  }
  return tailOf(latenciesMs);
}

if (import.meta.main) {
  const [rounds = DEFAULT_ROUNDS, seconds = DEFAULT_SECONDS] = process.argv.slice(2).map(Number);
  const ours = Object.entries(STRATEGIES).map(([name, use]) => [`steelyard ${name}`, strategyRule(use(), name === 'prequal-hints')] as const);
  const rows: [string, Tail][] = [];
  for (const [name, makeRule] of [...ours, ...Object.entries(PEERS), ...Object.entries(BOUNDS)]) rows.push([name, await simulatedTail(makeRule, rounds, seconds, DEFAULT_SEED)]);
  console.log(asText({
    head: ['simulated', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    rows: rows.map(([name, { p50Ms, p99Ms, p999Ms }]) => [name, ...[p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(1))]),
  }));
}

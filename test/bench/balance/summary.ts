/** What the turns say: the tails, the ratio to the best peer, and where the tails come from. */
import type { Machine } from '../../report/machine.ts';
import { estimate, percentile, seededRandom, type Estimate } from '../statistics.ts';
import type { Balancer } from './balancers.ts';
import type { Answer, Load } from './generator.ts';
import { arrivalsOf } from './schedule.ts';
import { MOVE_MS, WARM_UP_SECONDS } from './setting.ts';
import type { Simulated } from './simulate.ts';
import { tailOf, type Tail } from './tail.ts';

export interface Turn {
  name: string;
  round: number;
  /** Without the warm-up's answers. */
  load: Load;
  /** Of all cores, by generator, backends and balancers together. */
  cpuShare: number;
  /** Of all cores, by anything. */
  machineShare: number;
}

/** Of the time since an antagonist's last move. */
export interface Phase {
  fromMs: number;
  toMs: number;
  p99Ms: number;
  /** Of the requests, those that came to a slow backend. */
  slowShare: number;
}

export interface BalancerSummary extends Tail {
  name: string;
  isOurs: boolean;
  answers: number;
  errors: number;
  /** p99 of the rounds, each for itself. */
  p99Rounds: Estimate;
  slowShare: number;
  /** Mean of the requests that a request met at its backend. */
  rifMet: number;
  p99OnFastMs: number;
  p99OnSlowMs: number;
  phases: Phase[];
  lagP99Ms: number;
  waits: number;
  cpuShare: number;
  machineShare: number;
  complaints: string[];
}

/** Our best against the best peer, by p99 over all rounds. */
export interface Bar {
  ours: string;
  peer: string;
  /** Of the p99 of each round. */
  ratio: Estimate;
  isMet: boolean;
}

export interface Summary {
  balancers: BalancerSummary[];
  /** `undefined` = one side is not there. */
  bar: Bar | undefined;
  turns: (Tail & { name: string; round: number; errors: number; lagP99Ms: number; cpuShare: number; machineShare: number })[];
}

export interface Report extends Summary {
  /** ISO 8601, UTC. */
  date: string;
  commit: string;
  machine: Machine;
  rounds: number;
  /** More than `rounds` as long as it is under way, or when it was interrupted. */
  plannedRounds: number;
  seconds: number;
  seed: number;
  programs: string[];
  /** What would have taken part. */
  missing: string[];
  /** Of the planned rounds, in virtual time. */
  simulated: readonly Simulated[];
}

/** Our best at least halves the best peer's p99. */
export const BAR = 0.5;
const PHASES_MS = [0, 250, 1_000, MOVE_MS];

export function summarize(turns: readonly Turn[], taking: readonly Pick<Balancer, 'name' | 'isOurs'>[], seed: number): Summary {
  const random = seededRandom(seed);
  const told = turns.map(({ name, round, load, cpuShare, machineShare }) => ({
    name, round, errors: load.errors, ...tailOf(latencies(load.answers)), lagP99Ms: percentile(load.lagsMs, 0.99) ?? 0, cpuShare, machineShare,
  }));
  const p99sOf = (name: string): number[] => told.filter((turn) => turn.name === name).sort((a, b) => a.round - b.round).map(({ p99Ms }) => p99Ms);
  const balancers = taking.map(({ name, isOurs }): BalancerSummary => {
    const mine = turns.filter((turn) => turn.name === name);
    const answers = mine.flatMap(({ load }) => load.answers);
    return {
      name, isOurs, answers: answers.length, errors: sum(mine, ({ load }) => load.errors), ...tailOf(latencies(answers)), p99Rounds: estimate(p99sOf(name), random),
      slowShare: share(answers, ({ isSlow }) => isSlow), rifMet: sum(answers, ({ rifMet }) => rifMet) / Math.max(1, answers.length),
      p99OnFastMs: tailOf(latencies(answers.filter(({ isSlow }) => !isSlow))).p99Ms, p99OnSlowMs: tailOf(latencies(answers.filter(({ isSlow }) => isSlow))).p99Ms,
      phases: phasesOf(mine, seed), lagP99Ms: percentile(mine.flatMap(({ load }) => load.lagsMs), 0.99) ?? 0, waits: sum(mine, ({ load }) => load.waits),
      cpuShare: sum(mine, ({ cpuShare }) => cpuShare) / mine.length, machineShare: sum(mine, ({ machineShare }) => machineShare) / mine.length,
      complaints: mine.flatMap(({ load }) => load.complaints).slice(0, 3),
    };
  });
  const [ours, peer] = [best(balancers, true), best(balancers, false)];
  const ratio = ours && peer ? estimate(p99sOf(ours.name).map((p99, i) => p99 / p99sOf(peer.name)[i]!), random) : undefined;
  return {
    balancers, turns: told,
    bar: ratio && { ours: ours!.name, peer: peer!.name, ratio, isMet: ratio.median <= BAR },
  };
}

/** With errors none is the best: what was not answered is not in the latencies. */
function best(balancers: readonly BalancerSummary[], isOurs: boolean): BalancerSummary | undefined {
  return balancers.filter((one) => one.isOurs === isOurs && one.errors === 0).sort((a, b) => a.p99Ms - b.p99Ms)[0];
}

function phasesOf(turns: readonly Turn[], seed: number): Phase[] {
  const bySpan: Answer[][] = PHASES_MS.slice(1).map(() => []);
  for (const { round, load } of turns) {
    const last = load.answers.reduce((most, { request }) => Math.max(most, request), 0);
    // Long enough that the last one is in it: arrivals of a longer schedule begin as those of a shorter one.
    let seconds = WARM_UP_SECONDS;
    let due = arrivalsOf(seed + round, seconds);
    while (due.length <= last) due = arrivalsOf(seed + round, (seconds *= 2));
    for (const answer of load.answers) {
      const since = due[answer.request]! % MOVE_MS;
      bySpan[PHASES_MS.findIndex((from, i) => since >= from && since < PHASES_MS[i + 1]!)]!.push(answer);
    }
  }
  return bySpan.map((answers, i) => ({
    fromMs: PHASES_MS[i]!, toMs: PHASES_MS[i + 1]!, p99Ms: tailOf(latencies(answers)).p99Ms, slowShare: share(answers, ({ isSlow }) => isSlow),
  }));
}

function latencies(answers: readonly Answer[]): number[] {
  return answers.map(({ latencyMs }) => latencyMs);
}

function share<T>(items: readonly T[], is: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(is).length / items.length;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

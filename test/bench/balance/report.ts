/** results/balance.md, and the tables of the terminal. */
import { asMarkdown, type Table } from '../../report/table.ts';
import { ANTAGONISTS, BACKENDS, CAPACITY, CONNECTIONS, LOAD, MEAN_WORK_MS, MOST_CPU_SHARE, MOVE_MS, REQUESTS_PER_SECOND, SLOW_TIMES, WARM_UP_SECONDS } from './setting.ts';
import { simulatedTable } from './simulate.ts';
import { BAR, type Report } from './summary.ts';

export function tailTable({ balancers }: Report): Table {
  return {
    head: ['balancer', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99 of a round: median', 'least – most', 'errors', 'requests'],
    rows: balancers.toSorted((a, b) => a.p99Ms - b.p99Ms).map(({ name, isOurs, p50Ms, p99Ms, p999Ms, p99Rounds, errors, answers }) => [
      isOurs ? `steelyard ${name}` : name, ms(p50Ms), ms(p99Ms), ms(p999Ms), ms(p99Rounds.median), `${ms(p99Rounds.min)} – ${ms(p99Rounds.max)}`,
      `${((errors / Math.max(1, errors + answers)) * 100).toFixed(2)} %`, answers.toLocaleString('en'),
    ]),
  };
}

/** Where the tails come from. */
export function whyTable({ balancers }: Report): Table {
  const phases = balancers[0]?.phases ?? [];
  const span = ({ fromMs, toMs }: { fromMs: number; toMs: number }): string => `${fromMs / 1e3}–${toMs / 1e3} s`;
  return {
    head: [
      'balancer', 'to slow ones', 'met there', 'p99 on slow', 'p99 on others',
      ...phases.map((phase) => `p99 ${span(phase)}`), ...phases.map((phase) => `to slow ${span(phase)}`),
    ],
    rows: balancers.toSorted((a, b) => a.p99Ms - b.p99Ms).map((one) => [
      one.name, percent(one.slowShare), one.rifMet.toFixed(2), ms(one.p99OnSlowMs), ms(one.p99OnFastMs),
      ...one.phases.map(({ p99Ms }) => ms(p99Ms)), ...one.phases.map(({ slowShare }) => percent(slowShare)),
    ]),
  };
}

export function rigTable({ balancers }: Report): Table {
  return {
    head: ['balancer', 'CPU of the set-up', 'CPU of the machine', 'sent late, p99', 'waits for a connection'],
    rows: balancers.map(({ name, cpuShare, machineShare, lagP99Ms, waits }) => [name, percent(cpuShare), percent(machineShare), `${lagP99Ms.toFixed(2)} ms`, String(waits)]),
  };
}

export function barSentence({ bar, balancers }: Report): string {
  if (!bar) return 'The bar needs a strategy of Steelyard and a peer, both without errors.';
  const { ours, peer, ratio, isMet } = bar;
  const p99Of = (wanted: string): number => balancers.find(({ name }) => name === wanted)!.p99Ms;
  const isSure = ratio.high <= BAR || ratio.low > BAR;
  return [
    `The bar, at most ${BAR} of the best peer's p99, is ${isMet ? 'met' : 'not met'}: ${ours} takes ${ratio.median.toFixed(2)} of ${peer}'s`,
    ` (median of the rounds; 95 % interval ${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}, rounds ${ratio.min.toFixed(2)} – ${ratio.max.toFixed(2)}; all answers together ${(p99Of(ours) / p99Of(peer)).toFixed(2)}).`,
    ...(isSure ? [] : [' The interval has both sides of the bar: another run may come out the other way.']),
  ].join('');
}

/** What is possible at all: by the simulation alone, so that it does not hold measured against simulated figures. */
export function possibleSentence({ simulated }: Report): string {
  const peer = simulated.filter(({ kind }) => kind === 'peer').sort((a, b) => a.p99Ms - b.p99Ms)[0]!;
  const bounds = simulated.filter(({ kind }) => kind === 'bound').sort((a, b) => b.p99Ms - a.p99Ms);
  const shares = bounds.map(({ name, p99Ms }) => `one who ${name} takes ${(p99Ms / peer.p99Ms).toFixed(2)}`);
  return `Of the p99 of the best peer's rule (${peer.name}, ${ms(peer.p99Ms)} ms simulated), ${shares.join('; ')}.`;
}

/** What makes a run worth nothing, or less. */
export function faultsOf({ balancers, rounds, plannedRounds }: Report): string[] {
  const part = rounds < plannedRounds ? [`it ended after ${rounds} of ${plannedRounds} rounds`] : [];
  return [...part, ...balancers.flatMap(({ name, errors, complaints, cpuShare, machineShare, waits }) => [
    ...(errors > 0 ? [`${name}: ${errors} errors (${complaints.join('; ')})`] : []),
    ...(cpuShare > MOST_CPU_SHARE ? [`${name}: the set-up took ${percent(cpuShare)} of the machine, ${percent(MOST_CPU_SHARE)} are the most: the CPU was measured, not the choice`] : []),
    ...(machineShare - cpuShare > MOST_CPU_SHARE ? [`${name}: other programs took ${percent(machineShare - cpuShare)} of the machine`] : []),
    ...(waits > 0 ? [`${name}: ${waits} requests waited for one of ${CONNECTIONS} connections`] : []),
  ])];
}

export function toMarkdown(report: Report): string {
  const { date, commit, machine, rounds, seconds, seed, programs, missing } = report;
  const faults = faultsOf(report);
  return `${[
    '# Tail latency where backends become slow',
    `${date.slice(0, 10)}, commit ${commit}. Written by \`npm run bench:balance -- --save\`; every turn is in [balance.json](balance.json).`,
    '![Latency of Steelyard’s strategies and of other balancers](balance.svg)',
    barSentence(report),
    ...(faults.length > 0 ? ['## What went wrong', faults.map((fault) => `- ${fault}`).join('\n')] : []),
    asMarkdown(tailTable(report)),
    '## Where the tails come from',
    'The share of requests that came to a backend with an antagonist, the requests that were there before one on the mean, and both p99 and that share by the time since an antagonist last moved.',
    asMarkdown(whyTable(report)),
    '## What is possible',
    'The same schedules in virtual time (`node test/bench/balance/simulate.ts`): our strategies themselves, the rules that the peers document, and rules that know more than a balancer can. “The odds” are how many times slower a slow backend is, how long it stays so, and how work is distributed, but not who is slow: that is inferred from the answers that came and those that did not.',
    possibleSentence(report),
    asMarkdown(simulatedTable(report.simulated)),
    '## How it was measured',
    [
      `- ${BACKENDS} backends, each a process with one server and a queue before it. Work is exponential with a mean of ${MEAN_WORK_MS} ms, and a timer: no CPU. ${ANTAGONISTS} of them have an antagonist (the pattern of *Load is not what you should balance*, NSDI 2024) and take ${SLOW_TIMES} times as long; every ${MOVE_MS / 1e3} s one antagonist moves, in turn.`,
      `- Open loop, Poisson arrivals, ${REQUESTS_PER_SECOND.toFixed(0)} requests per second: ${percent(LOAD)} of the capacity of ${CAPACITY.toFixed(0)}. A latency counts from when its request was due.`,
      `- ${rounds} rounds (seed ${seed}); in each, every balancer has ${seconds} s, one after the other, in random order, after ${WARM_UP_SECONDS} s that do not count. Arrivals, the work of each request and the antagonists’ moves are the same for all in a round.`,
      '- Figures are over the answers of all rounds; the ratio is formed within a round, its interval is a bootstrap over the rounds.',
      '- prequal probes `/load` with the parameters of the paper, for which its limit of probes per second is raised to 1,000 (`probesPerSecond`, 200 by default); prequal-hints has the defaults, and backends that say their load in every response. peak-ewma-8 looks at all backends and forgets within a second (`choices: 8, decayMs: 1_000`; 2 and 10,000 by default). All keep connections for 75 s. All else, expected-delay too, is at its defaults; one worker or thread each, no checks. The configs: [balance/peers/](../balance/peers).',
    ].join('\n'),
    asMarkdown(rigTable(report)),
    '## With what',
    [...programs.map((program) => `- ${program}`), ...missing.map((one) => `- missing here: ${one}`), `- machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Linux ${machine.kernel}`].join('\n'),
  ].join('\n\n')}\n`;
}

function ms(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(1);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

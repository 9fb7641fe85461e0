import { describe, expect, it, onTestFinished } from 'vitest';
import { Rig } from '../rig/rig.ts';
import { BALANCERS } from './balancers.ts';
import { toChart } from './chart.ts';
import { compare } from './compare.ts';
import type { Load } from './generator.ts';
import { DEFAULT_ROUNDS, DEFAULT_SECONDS, HELP, parseOptions } from './options.ts';
import { barSentence, faultsOf, toMarkdown } from './report.ts';
import { arrivalsOf } from './schedule.ts';
import { summarize, type Report, type Turn } from './summary.ts';
import { fromBody, toBody } from './verdict.ts';

describe('npm run bench:balance', () => {
  it('has every request of the schedule answered, through real processes, and tells of it', { timeout: 60_000 }, async () => {
    const rig = new Rig();
    onTestFinished(() => rig.close());
    const lines: string[] = [];
    const told: Report[] = [];
    const report = await compare({ ...parseOptions(['--rounds', '1', '--seconds', '1', '--only', 'least-connections', '--seed', '4']), warmUpSeconds: 0.5 }, rig, (line) => lines.push(line), (sofar) => told.push(sofar));
    const counted = [...arrivalsOf(5, 1.5)].filter((at) => at >= 500).length;
    expect(report.balancers).toEqual([expect.objectContaining({ name: 'least-connections', answers: counted, errors: 0, waits: 0 })]);
    const [{ p50Ms, slowShare, cpuShare }] = report.balancers as [(typeof report.balancers)[0]];
    expect(p50Ms).toBeGreaterThan(5);
    expect(slowShare).toBeGreaterThan(0);
    expect(cpuShare).toBeGreaterThan(0);
    expect(lines).toHaveLength(1);
    expect(told).toEqual([expect.objectContaining({ rounds: 1, plannedRounds: 1 })]);
    expect(toMarkdown(report)).toContain('| steelyard least-connections |');
    expect(toChart(report)).toContain('>least-connections</text>');
  });
});

describe('the summary', () => {
  const load = (latencyMs: number, errors = 0): Load => ({
    answers: Array.from({ length: 100 }, (_, request) => ({ request, latencyMs, backend: 0, isSlow: request < 25, rifMet: 2 })), errors, complaints: [], lagsMs: [0.1], waits: 0,
  });
  const turn = (name: string, round: number, latencyMs: number, errors = 0): Turn => ({ name, round, load: load(latencyMs, errors), cpuShare: 0.1, machineShare: 0.2 });
  const taking = [{ name: 'ours', isOurs: true }, { name: 'theirs', isOurs: false }, { name: 'failing', isOurs: false }];
  // Round 2 is ten times slower for all.
  const turns = [turn('ours', 1, 10), turn('theirs', 2, 250), turn('theirs', 1, 25), turn('ours', 2, 100), turn('failing', 1, 1, 3), turn('failing', 2, 1)];
  const summary = summarize(turns, taking, 1);

  it('holds our best against the best peer within a round, and against none that failed', () => {
    expect(summary.bar).toMatchObject({ ours: 'ours', peer: 'theirs', ratio: { median: 0.4, min: 0.4, max: 0.4 }, isMet: true });
    expect(summarize(turns.filter(({ name }) => name !== 'theirs'), taking.filter(({ name }) => name !== 'theirs'), 1).bar).toBeUndefined();
  });

  it('says how much came to slow backends', () => {
    expect(summary.balancers[0]).toMatchObject({ slowShare: 0.25, rifMet: 2, p99Ms: 100, p50Ms: 10 });
  });

  it('finds fault with errors and with a set-up that takes too much of the machine', () => {
    const report = {
      ...summarize([...turns, { ...turn('busy', 1, 1), cpuShare: 0.5, machineShare: 0.5 }], [...taking, { name: 'busy', isOurs: true }], 1),
      date: '2026-01-02T03:04:05.000Z', commit: 'abc', machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6' }, rounds: 2, plannedRounds: 2, seconds: 1, seed: 1, programs: [], missing: [], simulated: [],
    };
    expect(faultsOf(report)).toEqual([expect.stringContaining('failing: 3 errors'), expect.stringContaining('busy: the set-up took 50 % of the machine')]);
    expect(faultsOf({ ...report, plannedRounds: 3 })).toContain('it ended after 2 of 3 rounds');
    expect(barSentence({ ...report, bar: summary.bar })).toMatch(/is met: ours takes 0\.40 of theirs's .* all answers together 0\.40\)\.$/);
    expect(barSentence({ ...report, bar: { ...summary.bar!, ratio: { ...summary.bar!.ratio, low: 0.3, high: 0.6 } } })).toContain('both sides');
  });
});

describe('the options', () => {
  it('are all balancers by default, and nothing is written unless asked for', () => {
    expect(parseOptions([])).toMatchObject({ rounds: DEFAULT_ROUNDS, seconds: DEFAULT_SECONDS, only: BALANCERS.map(({ name }) => name), save: false });
    expect(parseOptions(['--only', 'p2c, prequal,p2c', '--save'])).toMatchObject({ only: ['p2c', 'prequal'], save: true });
  });

  it.each([[['--rounds', '0'], '--rounds is a whole number from 1 to 1000'], [['--seed', ''], '--seed is a whole number from 0'], [['--only', 'envoy'], 'given: envoy']])('refuse %j', (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(sentence);
  });

  it('are all in the help, with every balancer', () => {
    for (const option of ['rounds', 'seconds', 'seed', 'only', 'save', 'help']) expect(HELP).toContain(`--${option}`);
    for (const { name } of BALANCERS) expect(HELP).toContain(name);
  });
});

describe('a verdict', () => {
  it('comes back as it went, and what is none is refused', () => {
    expect(fromBody(toBody({ backend: 7, isSlow: true, rifMet: 12 }))).toEqual({ backend: 7, isSlow: true, rifMet: 12 });
    expect(() => fromBody('<html>')).toThrow('expected');
  });
});

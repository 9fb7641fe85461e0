/** The soak's very short form, so that the tool cannot rot; and what it tells of a run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseOptions } from './options.ts';
import { toChart } from './report/chart.ts';
import { toMarkdown } from './report/markdown.ts';
import { hasFailed, toJson, type Report } from './report/report.ts';
import { soak } from './soak.ts';

/** Two rounds, each long enough for an event. */
const SECONDS = 3.2;

it('seconds of mixed traffic with churn, reloads and faults: every exchange ends as it must, and all comes back to the unit', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-soak-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const report = await soak({ seconds: SECONDS, roundSeconds: SECONDS / 2, seed: 1, workers: 1, rate: 150, folder, isBrief: true }, () => {});
  // A rate that a busy machine did not hold says nothing here; nor does a timer more or less, which one health check has that is slow by then.
  const failed = report.findings.filter(({ what, holds }) => !holds && !/^(the rate|at every quiet point|so it is at the end)/.test(what));
  expect(failed).toEqual([]);
  expect(report.quiet.flatMap(({ astray }) => astray).filter((difference) => !difference.startsWith('timers'))).toEqual([]);
  expect(report.violations).toEqual([]);
  expect(report.quiet.length).toBeGreaterThanOrEqual(3);
  expect(Object.keys(report.tally).length).toBeGreaterThan(10);
  expect(report.events.length).toBeGreaterThan(0);
  expect(report.quiet[0]!.state).toMatchObject({ 'in flight': 0, 'connections open': 0, 'threads that answered': 2 });
  expect(report.quiet.at(-1)!.objects['PluginRuntime']).toBeGreaterThan(10);
  expect((JSON.parse(toJson(report)) as Report).timeline).toHaveLength(report.timeline.length);
  for (const text of [toChart(report), toMarkdown(report)]) expect(text).not.toMatch(/NaN|undefined|Infinity/);
});

describe('a report', () => {
  const report: Report = {
    date: '2026-01-02T03:04:05.000Z', commit: 'abc1234', machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6.1' }, node: 'v26', options: { seconds: 300, roundSeconds: 8, seed: 1, workers: 2, rate: 100 }, warmUpSeconds: 60,
    findings: [{ what: 'it holds', holds: true, told: 'yes' }], growths: [{ name: 'heap', what: 'heap', limit: 2, holds: true, slope: { median: 1, low: -1, high: 2, points: 9 } }], violations: [{ at: 3, kind: 'GET', fate: 'wrong', why: 'of another' }], excused: 3,
    events: [{ at: 5, kind: 'reload' }, { at: 6, kind: 'worker ended' }], said: { 'info: a | b': 2 }, tally: { GET: { answered: 5, cut: 1 } },
    quiet: [0, 100, 200].map((at) => ({ at, rssBytes: 1e8, heapBytes: 1e7, externalBytes: 1e6, state: { timers: 5, 'descriptors file': 3, 'sockets listen': 2 }, objects: {}, timers: {}, astray: [], settledMs: 1 })),
    timeline: [1, 3, 5].map((at) => ({ at, rssBytes: 1e8, heapBytes: 1e7, descriptors: 9, sockets: { listen: 2, established: at }, timers: 5, inFlight: 1, connectionsOpen: 2, cpu: 0.2, ended: at * 100, fates: { answered: at * 90, cut: at * 10 } })),
  };
  it('draws a panel for each thing that must be flat, a dot for each quiet point, a mark for each event', () => {
    const chart = toChart(report);
    expect(chart.match(/<circle class="dot" cx/g)!.length).toBe(6 * (3 + 1));
    expect(chart.match(/class="mark/g)).toHaveLength(2 * 2);
    expect(chart.match(/class="trend"/g)).toHaveLength(1);
    expect(chart).toContain('prefers-color-scheme: dark');
  });
  it('tells in Markdown the verdict, what went wrong, every kind of exchange, and base line and end', () => {
    const text = toMarkdown(report);
    for (const part of ['| it holds | yes | yes |', '- at 3.0 s: GET: wrong of another', '| GET | 6 | answered 5, cut 1 |', '| timers | 5 | 5 |', '1 × reload, 1 × worker ended', 'info: a / b']) expect(text).toContain(part);
  });
  it('has failed when anything does not hold', () => {
    expect(hasFailed(report)).toBe(false);
    expect(hasFailed({ ...report, findings: [{ what: 'x', holds: false, told: '' }] })).toBe(true);
  });
});

describe('the command line', () => {
  it('runs an hour unless it is told otherwise, and keeps the results of nothing shorter', () => {
    expect(parseOptions([])).toMatchObject({ seconds: 3_600, workers: 2, seed: 1, save: true });
    expect(parseOptions(['--short'])).toMatchObject({ seconds: 300, save: false });
    expect(parseOptions(['--minutes', '20', '--save', '--workers', '0'])).toMatchObject({ seconds: 1_200, workers: 0, save: true });
  });
  it('says what is wrong with an option', () => {
    expect(() => parseOptions(['--workers', 'x'])).toThrow('--workers is a whole number from 0 to 8');
    expect(() => parseOptions(['--short', '--minutes', '3'])).toThrow('two lengths');
  });
});

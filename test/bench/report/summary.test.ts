import { describe, expect, it } from 'vitest';
import type { Contender } from '../contenders.ts';
import type { Sample } from '../measure.ts';
import { CPU_PER_MIB, CPU_PER_REQUEST, P99 } from '../metrics.ts';
import type { Scenario } from '../scenarios.ts';
import { seededRandom } from '../statistics.ts';
import { toChart } from './chart.ts';
import { toMarkdown } from './markdown.ts';
import { hasFailed, toJson, type Report } from './report.ts';
import { summarize } from './summary.ts';

const contender = (name: string): Contender => ({ name, peer: name, version: () => '1.0', install: '', note: '', start: () => Promise.reject(new Error('not here')) });
const scenario: Scenario = {
  name: 'small-get', title: 'GET', metric: CPU_PER_REQUEST, contenders: [contender('steelyard'), contender('nginx')], origin: 'pages', checks: [], seconds: 2,
  note: () => 'A note.', run: () => Promise.reject(new Error('not here')),
};
const sample = (name: string, round: number, cost: number, failures = 0): Sample => ({
  name, round, cost, failures, requests: 1_000, bytes: 2 ** 20 * 1_000, perSecond: 500, p50Us: 1_000, p99Us: undefined, cpuNs: cost * 1e6, userShare: 0.25, busy: 0.9, others: 0.01,
});
// The machine slows by ten between the rounds; Steelyard takes 1.2 times what nginx takes in each.
const samples = [sample('nginx', 2, 100), sample('steelyard', 1, 12), sample('nginx', 1, 10), sample('steelyard', 2, 120)];
const summary = summarize(scenario, { samples, rounds: 2, seconds: 2, perSecond: undefined }, ['steelyard', 'nginx'], seededRandom(1));
const report: Report = {
  date: '2026-01-02T03:04:05.000Z', commit: 'abc1234', machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: '6.1' }, rounds: 2, isPinned: true,
  programs: [{ name: 'nginx', version: '1.22.1', note: 'one worker' }], missing: [{ name: 'caddy', install: 'apt-get install caddy' }],
  scenarios: [summary], skipped: [{ name: 'workers', title: 'two workers', reason: 'there are none' }], faults: [],
};

describe('a summary', () => {
  it('forms ratios within a round, so that a machine that slows between rounds changes none', () => {
    expect(summary.ratios).toEqual([expect.objectContaining({ peer: 'nginx', median: 1.2, low: 1.2, high: 1.2 })]);
  });

  it('holds each bar of its scenario against the ratio, and leaves out those to a peer that is not there', () => {
    expect(summary.bars).toEqual([expect.objectContaining({ to: 'nginx', limit: '≤ 1.15', isMet: false })]);
  });

  it('has no latency where the load tells none', () => {
    expect(summary.proxies[0]).toMatchObject({ name: 'steelyard', p50Us: 1_000, p99Us: undefined, userShare: 0.25, mibPerSecond: 500 });
  });
});

describe('a metric of CPU time', () => {
  it('counts microseconds a request, or a MiB', () => {
    expect(CPU_PER_REQUEST.ofCpuTime!(5_000_000, { requests: 100, bytes: 0 })).toBe(50);
    expect(CPU_PER_MIB.ofCpuTime!(5_000_000, { requests: 0, bytes: 10 * 2 ** 20 })).toBe(500);
    expect(P99.ofCpuTime).toBeUndefined();
  });
});

describe('a report', () => {
  it('has failed when anything was answered wrongly, or something could not be measured', () => {
    expect(hasFailed(report)).toBe(false);
    expect(hasFailed({ ...report, faults: ['caddy: broken'] })).toBe(true);
    const failing = summarize(scenario, { samples: [...samples, sample('nginx', 3, 10, 1), sample('steelyard', 3, 10)], rounds: 3, seconds: 2, perSecond: undefined }, ['steelyard', 'nginx'], seededRandom(1));
    expect(hasFailed({ ...report, scenarios: [failing] })).toBe(true);
  });

  it('tells in Markdown the bars, the ratios, what is missing and how to get it, and what was left out and why', () => {
    const text = toMarkdown(report);
    for (const part of ['| small-get | CPU µs/request, ratio to nginx | ≤ 1.15 | 1.20 | 1.20 – 1.20 | no |', 'apt-get install caddy', 'Not measured: there are none.', 'A note.', 'abc1234', 'Linux 6.1']) expect(text).toContain(part);
    expect(text).not.toContain('undefined');
  });

  it('keeps every sample in JSON, one a line', () => {
    expect((JSON.parse(toJson(report)) as Report).scenarios[0]!.samples).toHaveLength(4);
    expect(toJson(report).split('\n').filter((line) => line.includes('"round"'))).toHaveLength(4);
  });

  it('draws a bar for each proxy, cut and marked where it is beyond the scale', () => {
    const far = summarize(scenario, { samples: [sample('steelyard', 1, 50), sample('nginx', 1, 10)], rounds: 1, seconds: 2, perSecond: undefined }, ['steelyard', 'nginx'], seededRandom(1));
    const chart = toChart({ ...report, scenarios: [summary, far] });
    expect(chart.match(/<rect /g)).toHaveLength(4);
    expect(chart.match(/class="cut"/g)).toHaveLength(1);
    expect(chart).not.toMatch(/NaN|undefined|Infinity/);
  });
});

/** A run as it is told and kept: results/latest.json holds exactly this. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import type { ScenarioSummary } from './summary.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
}

export interface Report {
  /** ISO 8601, UTC. */
  date: string;
  commit: string;
  machine: Machine;
  rounds: number;
  isPinned: boolean;
  /** What took part, with version and setting. */
  programs: { name: string; version: string; note: string }[];
  /** What would have taken part. */
  missing: { name: string; install: string }[];
  scenarios: ScenarioSummary[];
  /** Scenarios that cannot be measured here, with the reason. */
  skipped: { name: string; title: string; reason: string }[];
  /** What went wrong: proxies that do not do what is compared, scenarios that broke off. */
  faults: string[];
}

/** Failures of the measurement, a line a sample. */
export function failuresOf({ scenarios }: Report): string[] {
  return scenarios.flatMap(({ name, samples }) => samples.filter(({ failures }) => failures > 0)
    .map((sample) => `${name}: ${sample.name} failed ${sample.failures} times in round ${sample.round} (${sample.complaint ?? 'connections'})`));
}

/** Something was not measured that should have been, or was measured with failures. */
export function hasFailed(report: Report): boolean {
  return report.faults.length > 0 || failuresOf(report).length > 0;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: readFileSync('/proc/version', 'utf8').split(' ')[2] ?? 'unknown',
  };
}

/** Six digits, and a sample on a line: what git shows of a new run can be read. */
export function toJson(report: Report): string {
  const rounded = JSON.stringify(report, (_key, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1);
  return `${rounded.replaceAll(/\{\s+"round"[^}]*\}/g, (sample) => sample.replaceAll(/\s+/g, ' '))}\n`;
}

/** Which state of the code was measured. Outside of a git checkout: `unknown`. */
export function commitOf(folder: string): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const hasChanges = git('status', '--porcelain', '--', 'core', 'plugins', 'sdk') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${hasChanges ? ' with changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

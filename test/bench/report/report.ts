/** A run as it is told and kept: results/latest.json holds exactly this. */
import type { Machine } from '../../report/machine.ts';
import type { ScenarioSummary } from './summary.ts';

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

/** Six digits, and a sample on a line: what git shows of a new run can be read. */
export function toJson(report: Report): string {
  const rounded = JSON.stringify(report, (_key, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value), 1);
  return `${rounded.replaceAll(/\{\s+"round"[^}]*\}/g, (sample) => sample.replaceAll(/\s+/g, ' '))}\n`;
}

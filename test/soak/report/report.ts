/** A run as it is told and kept: results/latest.json holds exactly this. */
import type { Machine } from '../../report/machine.ts';
import type { SoakEvent } from '../events.ts';
import type { QuietSample, TimelineSample } from '../samples/sampler.ts';
import type { Violation } from '../traffic/traffic.ts';
import type { Finding, Growth } from '../verdict/verdict.ts';

export interface Report {
  /** ISO 8601, UTC. */
  date: string;
  commit: string;
  machine: Machine;
  node: string;
  options: { seconds: number; roundSeconds: number; seed: number; workers: number; rate: number };
  warmUpSeconds: number;
  findings: Finding[];
  growths: Growth[];
  violations: Violation[];
  /** Exchanges that failed because of what was done to the balancer or their backend at that moment. */
  excused: number;
  events: SoakEvent[];
  /** Lines of the log: `level: text`. */
  said: Record<string, number>;
  /** By kind of exchange: how many came to which end. */
  tally: Record<string, Record<string, number>>;
  /** The first is the base line. */
  quiet: QuietSample[];
  timeline: TimelineSample[];
}

export function hasFailed({ findings }: Report): boolean {
  return findings.some(({ holds }) => !holds);
}

/** Six digits, and a sample or an event on a line: what git shows of a new run can be read. */
export function toJson(report: Report): string {
  const lines = Object.entries(report).map(([key, value]) => {
    const items = Array.isArray(value) ? value.map((item) => `  ${compact(item)}`) : undefined;
    return ` ${JSON.stringify(key)}: ${items ? `[\n${items.join(',\n')}\n ]` : compact(value)}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

function compact(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'number' && !Number.isInteger(inner) ? Number(inner.toPrecision(6)) : inner));
}

/** The names that plugins' metrics may not take. */
import { Scoreboard } from '../workers/scoreboard.ts';
import { ProcessMetrics } from './process.ts';
import { TrafficMetrics } from './traffic.ts';

/** Of all families that the core shows; for the constructor of `MetricsRegistry`. */
export function coreFamilyNames(): string[] {
  return [...new TrafficMetrics(Scoreboard.create({ workers: 0, isShared: false, rows: 0 })).snapshot([]), ...new ProcessMetrics().snapshot()].map(({ name }) => name);
}

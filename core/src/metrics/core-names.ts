/** The names that plugins' metrics may not take. */
import { Scoreboard } from '../board/scoreboard.ts';
import { processFamilies, ThreadMetrics } from './process.ts';
import { TrafficMetrics } from './traffic.ts';

/** Of all families that the core shows; for the constructor of `MetricsRegistry`. */
export function coreFamilyNames(): string[] {
  return [...new TrafficMetrics(Scoreboard.create({ workers: 0, isShared: false, rows: 0 })).snapshot([]), ...processFamilies(), ...new ThreadMetrics('').snapshot()].map(({ name }) => name);
}

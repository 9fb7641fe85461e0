/** The names that plugins' metrics may not take. */
import { processFamilies, ThreadMetrics } from './process.ts';
import { TrafficMetrics } from './traffic.ts';

/** Of all families that the core shows; for the constructor of `MetricsRegistry`. */
export function coreFamilyNames(): string[] {
  return [...new TrafficMetrics().snapshot([]), ...processFamilies(), ...new ThreadMetrics('').snapshot()].map(({ name }) => name);
}

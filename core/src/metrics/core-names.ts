/** The names that plugins' metrics may not take. */
import { ProcessMetrics } from './process.ts';
import { TrafficMetrics } from './traffic.ts';

/** Of all families that the core shows; for the constructor of `MetricsRegistry`. */
export function coreFamilyNames(): string[] {
  return [...new TrafficMetrics().snapshot([]), ...new ProcessMetrics().snapshot()].map(({ name }) => name);
}

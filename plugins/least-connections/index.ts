/**
 * `leastConnections()`: the backend with the fewest requests (tcp: connections) in flight for its weight.
 *
 * Weighted least connections as in LVS (`wlc`) and nginx (`least_conn`): the smallest in-flight / weight. With `shortestExpectedDelay` it is
 * LVS's `sed`: the smallest (in-flight + 1) / weight, the load with the new request on it. A pick costs O(n).
 */
import { defineStrategy } from '@steelyard/sdk';
import { LeastLoaded, newTurn } from './least-loaded.ts';

export interface LeastConnectionsOptions {
  /**
   * Counts the new request too: (in-flight + 1) / weight. An idle pool then prefers its strongest backends, and a weak one gets nothing
   * until they are busy. Without it an idle pool shares by weight. Default false.
   */
  shortestExpectedDelay?: boolean;
}

export default defineStrategy<LeastConnectionsOptions>({
  name: 'least-connections',
  description: 'the fewest requests in flight for the weight',
  options: {
    shortestExpectedDelay: { type: 'boolean', default: false, description: 'compare (in-flight + 1) / weight' },
  },
  create({ shortestExpectedDelay }, host) {
    const extra = shortestExpectedDelay ? 1 : 0;
    const least = new LeastLoaded(extra, host.perBackend(newTurn));
    return {
      update: (members) => least.setMembers(members),
      select: (_exchange, pool) => least.pick(pool),
      score: ({ backend, weight }) => (backend.inFlight + extra) / weight,
    };
  },
});

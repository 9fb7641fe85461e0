/**
 * `first()`: the first available backend in the order of the config, until it is down or at its limit; then the next.
 *
 * An active and its stand-bys, or, with `maxInFlight`, backends that are filled one after the other (HAProxy's `balance first`), so that the last ones
 * can be switched off. A pick costs one look at each backend before the one that it takes.
 */
import { defineStrategy, type Backend } from '@steelyard/sdk';

export default defineStrategy<{}, 'any', 'order'>({
  name: 'first',
  description: 'the first available backend in the order of the config',
  kind: 'order',
  options: {},
  create() {
    let order: readonly Backend[] = [];
    return {
      update(members) {
        order = members.filter(({ weight }) => weight > 0).map(({ backend }) => backend);
      },
      select(_exchange, pool) {
        for (const backend of order) if (pool.isAvailable(backend)) return backend;
        return undefined;
      },
      score: ({ backend }) => order.indexOf(backend),
    };
  },
});

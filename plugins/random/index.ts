/**
 * `random()`: by chance, in proportion to the weights.
 *
 * Inversion of the cumulative weights (L. Devroye, "Non-Uniform Random Variate Generation", 1986, chapter III). Needs no state, so that many
 * balancers do not fall into step. A pick costs O(log n), O(n) when most backends are unavailable.
 */
import { defineStrategy } from '@steelyard/sdk';
import { WeightedDraw } from './weighted-draw.ts';

export default defineStrategy<{}>({
  name: 'random',
  description: 'by chance, in proportion to the weights',
  options: {},
  create(_options, host) {
    const draw = new WeightedDraw(() => host.random());
    return {
      update: (members) => draw.setMembers(members),
      select: (_exchange, pool) => draw.pick(pool),
    };
  },
});

/**
 * `random()`: by chance, in proportion to the weights.
 *
 * The alias method (M. D. Vose, IEEE Transactions on Software Engineering 17(9), 1991). Needs no state, so that many balancers do not fall into step. A pick
 * costs O(1), O(n) when most backends are unavailable.
 */
import { defineStrategy } from '@steelyard/sdk';
import { WeightedDraw } from './weighted-draw.ts';

export default defineStrategy<{}>({
  name: 'random',
  description: 'by chance, in proportion to the weights',
  options: {},
  create(_options, host) {
    const draw = new WeightedDraw((count) => Math.floor(host.random() * count));
    return {
      update: (members) => draw.setMembers(members),
      select: (_exchange, pool) => draw.pick(pool),
    };
  },
});

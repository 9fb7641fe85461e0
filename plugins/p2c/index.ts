/**
 * `p2c()`: the power of two choices. Draws two different backends by chance and takes the less loaded.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE Transactions on Parallel and Distributed Systems 12(10), 2001.
 * Nearly as even as least connections, without its scan and without the herd of many balancers running to the same idle backend.
 * A pick costs O(choices), O(n) when most backends are unavailable.
 */
import { defineStrategy } from '@steelyard/sdk';
import { DistinctChoices } from './distinct-choices.ts';

export interface P2cOptions {
  /** Backends drawn per request, 2 to 8. More is fairer and slower; as many as there are backends is least connections. Default 2. */
  choices?: number;
}

export default defineStrategy<P2cOptions>({
  name: 'p2c',
  description: 'the less loaded of two drawn by chance (power of two choices)',
  options: {
    choices: { type: 'integer', minimum: 2, maximum: 8, default: 2, description: 'backends drawn per request' },
  },
  create({ choices }, host) {
    const draw = new DistinctChoices(choices, (count) => Math.floor(host.random() * count));
    return {
      update: (members) => draw.setMembers(members),
      select: (_exchange, pool) => draw.pick(pool),
      score: ({ backend, weight }) => backend.inFlight / weight,
    };
  },
});

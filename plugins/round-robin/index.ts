/**
 * `roundRobin()`: the available backends in turn, in the order of the config.
 *
 * The oldest rule of all, that of time-sharing schedulers and of DNS. A pick costs one look at each backend that is unavailable, else O(1).
 */
import { defineStrategy } from '@steelyard/sdk';
import { Rotation } from './rotation.ts';

export default defineStrategy<{}>({
  name: 'round-robin',
  description: 'the available backends in turn',
  options: {},
  create() {
    const rotation = new Rotation();
    return {
      // Weights are not shares here, but 0 is a word of its own: such a member gets nothing.
      update: (members) => rotation.setOrder(members.filter(({ weight }) => weight > 0).map(({ backend }) => backend)),
      select: (_exchange, pool) => rotation.next(pool),
      snapshot: () => rotation.trail(),
      adopt: (trail) => rotation.follow(trail as readonly string[]),
    };
  },
});

/**
 * `weightedRoundRobin()`: shares by weight, spread as evenly as they can be: weights 5, 1, 1 give `a a b a c a a`, not `a a a a a b c`.
 *
 * The smooth weighted round-robin of nginx (commit 52327e0627, Maxim Dounin, 2012-05-14). nginx also lowers a weight while its server fails;
 * here that is the part of health checks (`passive-check`), and the weight is what `update` says. A pick costs O(n).
 */
import { defineStrategy } from '@steelyard/sdk';
import { newCredit, SmoothOrder } from './smooth-order.ts';

export default defineStrategy<{}>({
  name: 'weighted-round-robin',
  description: 'shares by weight, evenly spread (smooth weighted round-robin)',
  options: {},
  create(_options, host) {
    // Beside the backend, so that a reload and a change of membership find it again.
    const creditOf = host.perBackend(newCredit);
    const order = new SmoothOrder(creditOf);
    return {
      update: (members) => order.setMembers(members),
      select: (_exchange, pool) => order.next(pool),
      // Who is owed most comes next.
      score: ({ backend, weight }) => -(creditOf(backend).value + weight),
    };
  },
});

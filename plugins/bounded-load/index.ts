/**
 * `boundedLoad({ over: maglev() })`: a hash in which nobody gets more than its share times a factor: what is above walks on to the next.
 *
 * V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018, arXiv:1608.01350. A pick costs what it costs inside, and
 * O(n) for the sum of loads unless the key's backend is idle.
 */
import { defineStrategy, passOn, type StrategyProtocol, type StrategyUse } from '@steelyard/sdk';
import { BoundedPool } from './bounded-pool.ts';

export interface BoundedLoadOptions {
  /** The hash whose keys are kept where they are as long as there is room. */
  over: StrategyUse<StrategyProtocol, 'hash'>;
  /** The most that a backend may have over its fair share, 1 to 100. Nearer to 1 is evener, and moves more keys: of c - 1 = ε about 1/ε². Default 1.25. */
  factor?: number;
}

export default defineStrategy<BoundedLoadOptions, 'any', 'inner'>({
  name: 'bounded-load',
  kind: 'inner',
  description: 'around a hash: nobody gets more than its share times a factor, the rest walks on',
  options: {
    over: { type: 'strategy', kinds: ['hash'], description: 'the hash' },
    factor: { type: 'number', minimum: 1, maximum: 100, default: 1.25, description: 'the most over the fair share' },
  },
  create({ over, factor }, host) {
    const inner = host.strategy(over);
    const bounded = new BoundedPool(factor);
    return {
      update(members) {
        bounded.setMembers(members);
        inner.update(members);
      },
      select: (exchange, pool) => inner.select(exchange, bounded.of(pool)),
      ...passOn(inner),
    };
  },
});

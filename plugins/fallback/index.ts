/**
 * `fallback({ over: [a, b] })`: asks each strategy in turn until one has a pick.
 *
 * For strategies that may have none: one that serves a part of the pool only, or a `script` with no opinion. A pick costs those that were asked.
 */
import { defineStrategy, Pickers, type AnyStrategyUse, type Backend } from '@steelyard/sdk';

export interface FallbackOptions {
  /** At least two, in the order in which they are asked. */
  over: readonly AnyStrategyUse[];
}

export default defineStrategy<FallbackOptions, 'any', 'inner'>({
  name: 'fallback',
  description: 'each strategy in turn until one has a pick',
  kind: 'inner',
  options: { over: { type: 'array', items: { type: 'strategy' }, minItems: 2, description: 'strategies, in the order in which they are asked' } },
  create({ over }, host) {
    const each = over.map((use) => host.strategy(use));
    const pickers = new Pickers(each);
    return {
      update: (members) => each.forEach((one) => one.update(members)),
      select(exchange, pool) {
        let picked: Backend | undefined;
        for (let i = 0; i < each.length && picked === undefined; i++) picked = pickers.select(each[i]!, exchange, pool);
        return picked;
      },
      ...pickers.callbacks(),
    };
  },
});

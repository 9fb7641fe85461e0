/**
 * `priority({ over })`: groups of backends by their `priority`, 0 first. The first group carries everything while enough of it is healthy; what it
 * cannot carry flows over into the next.
 *
 * The priority levels of Envoy, with its overprovisioning factor. A pick costs one draw and the pick of the strategy inside.
 */
import { defineStrategy, passOn, PoolPart, type AnyStrategyUse } from '@steelyard/sdk';
import { Levels } from './levels.ts';

export interface PriorityOptions {
  /** Picks within a group. */
  over: AnyStrategyUse;
  /**
   * A group counts as whole while its healthy share times this is at least 1: with the default 1.4 it may lose 28 % of its backends before anything
   * flows over. 1 to 100; 1 = every backend that is lost flows over.
   */
  overprovisioning?: number;
}

export default defineStrategy<PriorityOptions, 'any', 'inner'>({
  name: 'priority',
  description: 'groups by priority: the next one takes what the first cannot carry',
  kind: 'inner',
  options: {
    over: { type: 'strategy', description: 'picks within a group' },
    overprovisioning: { type: 'number', minimum: 1, maximum: 100, default: 1.4, description: 'spare capacity of a group' },
  },
  create({ over, overprovisioning }, host) {
    const inner = host.strategy(over);
    const levels = new Levels(overprovisioning);
    let parts: PoolPart[] = [];
    host.hooks.onHealthChange.tap(() => levels.weigh());
    return {
      update(members) {
        levels.setMembers(members);
        parts = Array.from({ length: levels.count }, (_, level) => {
          const part = new PoolPart();
          part.setBackends(levels.backendsOf(level));
          return part;
        });
        inner.update(members);
      },
      select(exchange, pool) {
        const drawn = levels.count < 2 ? 0 : levels.at(host.random());
        // Whoever has nobody left (limits, a retry) gives way: to the groups behind it first, then to those before.
        for (let step = 0; step < parts.length; step++) {
          const level = drawn + step < parts.length ? drawn + step : parts.length - 1 - step;
          const picked = inner.select(exchange, parts[level]!.of(pool));
          if (picked !== undefined) return picked;
        }
        return undefined;
      },
      ...passOn(inner),
    };
  },
});

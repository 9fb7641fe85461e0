/**
 * `slowStart({ over })`: a backend that is new or comes back gets its weight little by little, while its caches and its compiler warm up.
 *
 * The ramp of Envoy: weight x max(minimum, (time / window)^(1 / aggression)). It works by weights, so the strategy inside has to respect them, and
 * a hash, whose keys would move all the while, is refused. A pick costs what it costs inside.
 */
import { defineStrategy, passOn, type Backend, type Member, type StrategyProtocol, type StrategyUse } from '@steelyard/sdk';
import { warmth } from './warmth.ts';

export interface SlowStartOptions {
  /** Picks by the weights that it is given: `weighted-round-robin`, `random`, `least-connections`, `p2c`. */
  over: StrategyUse<StrategyProtocol, 'load'>;
  /** Until the full weight. Milliseconds, 100 to 3,600,000; default 30,000. */
  windowMs?: number;
  /** 1 = the weight grows evenly; above it faster at first. 0.1 to 10; default 1. */
  aggression?: number;
  /** Share of the weight to begin with, above 0 to 1; default 0.1. */
  minimum?: number;
}

/** Steps of the ramp. */
const STEPS = 20;

export default defineStrategy<SlowStartOptions>({
  name: 'slow-start',
  description: 'a backend that is new or comes back gets its weight little by little',
  options: {
    over: { type: 'strategy', kinds: ['load'], description: 'picks by the weights that it is given' },
    windowMs: { type: 'integer', minimum: 100, maximum: 3_600_000, default: 30_000, description: 'until the full weight' },
    aggression: { type: 'number', minimum: 0.1, maximum: 10, default: 1, description: 'above 1: faster at first' },
    minimum: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: 0.1, description: 'share of the weight to begin with' },
  },
  create({ over, windowMs, aggression, minimum }, host) {
    const inner = host.strategy(over);
    /** Backends met for the first time since `update` began. */
    let met = 0;
    const startOf = host.perBackend(() => {
      met++;
      return { at: host.now() };
    });
    let members: readonly Member[] = [];
    let isWarming = false;

    const apply = (): void => {
      const now = host.now();
      let warming = 0;
      inner.update(members.map((member) => {
        const share = warmth(now - startOf(member.backend).at, windowMs, aggression, minimum);
        if (share === 1) return member;
        warming++;
        return { backend: member.backend, weight: member.weight * share };
      }));
      if (warming === 0 || isWarming) return;
      isWarming = true;
      host.after(windowMs / STEPS, () => {
        isWarming = false;
        apply();
      });
    };
    const begin = (backend: Backend): void => {
      startOf(backend).at = host.now();
      if (members.some((member) => member.backend === backend)) apply();
    };
    host.hooks.onHealthChange.tap(({ backend, from, to }) => {
      // From `unknown` it is new, and its time runs already.
      if (from === 'down' && to === 'up') begin(backend);
    });
    return {
      update(given) {
        met = 0;
        const starts = given.map(({ backend }) => startOf(backend));
        // Where all are new there is nobody to spare them.
        if (met === given.length) for (const start of starts) start.at = -Infinity;
        members = given;
        apply();
      },
      select: (exchange, pool) => inner.select(exchange, pool),
      ...passOn(inner),
    };
  },
});

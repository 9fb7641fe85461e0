/**
 * `locality({ zone, over })`: backends of the own zone first; others take what the zone cannot carry.
 *
 * Traffic between zones costs time and money, so it is kept at home while home is healthy enough, and spills in proportion when it is not: the rule of
 * Envoy's priority levels with two of them. A pick costs at most one draw and the pick of the strategy inside.
 */
import { defineStrategy, passOn, PoolPart, type AnyStrategyUse, type Backend } from '@steelyard/sdk';

export interface LocalityOptions {
  /** Where this balancer runs, as the backends' `zone` says it. */
  zone: string;
  /** Picks within the zone, and outside of it. */
  over: AnyStrategyUse;
  /** The zone counts as whole while its healthy share times this is at least 1. 1 to 100; default 1.4: it may lose 28 % of its backends before anything spills. */
  overprovisioning?: number;
}

const MOST_ZONES_TOLD = 8;

export default defineStrategy<LocalityOptions, 'any', 'inner'>({
  name: 'locality',
  description: 'the own zone first, others when it is not healthy enough',
  kind: 'inner',
  options: {
    zone: { type: 'string', minLength: 1, description: 'where this balancer runs' },
    over: { type: 'strategy', description: 'picks within the zone, and outside of it' },
    overprovisioning: { type: 'number', minimum: 1, maximum: 100, default: 1.4, description: 'spare capacity of the zone' },
  },
  create({ zone, over, overprovisioning }, host) {
    const inner = host.strategy(over);
    const home = new PoolPart();
    const away = new PoolPart();
    /** Share of the traffic that stays at home. */
    let stay = 0;
    const weigh = (): void => {
      stay = Math.min(1, overprovisioning * healthyShare(home.backends));
      // Away must be able to take it.
      if (healthyShare(away.backends) === 0) stay = 1;
    };
    host.hooks.onHealthChange.tap(weigh);
    let isZoneEmpty = false;
    /** A zone that is written in another way in two places would send everything away, without a sign. */
    const warnOfEmptyZone = (): void => {
      const isEmpty = home.backends.length === 0 && away.backends.length > 0;
      if (isEmpty && !isZoneEmpty) host.log.warn({ zone, zones: [...new Set(away.backends.map((backend) => backend.zone))].slice(0, MOST_ZONES_TOLD) }, 'no backend is in this zone: others take everything');
      isZoneEmpty = isEmpty;
    };
    return {
      update(members) {
        const taking = members.filter(({ weight }) => weight > 0).map(({ backend }) => backend);
        home.setBackends(taking.filter((backend) => backend.zone === zone));
        away.setBackends(taking.filter((backend) => backend.zone !== zone));
        warnOfEmptyZone();
        weigh();
        inner.update(members);
      },
      select(exchange, pool) {
        const isHome = stay === 1 || (stay > 0 && host.random() < stay);
        return inner.select(exchange, (isHome ? home : away).of(pool)) ?? inner.select(exchange, (isHome ? away : home).of(pool));
      },
      ...passOn(inner),
    };
  },
});

function healthyShare(backends: readonly Backend[]): number {
  let healthy = 0;
  for (const { health, draining } of backends) if (health !== 'down' && !draining) healthy++;
  return backends.length === 0 ? 0 : healthy / backends.length;
}

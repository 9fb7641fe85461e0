/**
 * `subset({ size, over })`: each balancer uses a part of a large pool, so that thousands of backends do not hold connections to hundreds of balancers.
 *
 * `rendezvous`: random subsetting as in gRPC A68, each balancer a part of its own by highest random weight; backends that are down are replaced by the next.
 * `aperture`: deterministic aperture as in Finagle, for balancers that know how many they are: perfectly even. A pick costs what it costs inside.
 */
import { hostname } from 'node:os';
import { defineStrategy, passOn, PoolPart, SteelyardError, type Backend, type Member, type PoolView, type StrategyProtocol, type StrategyUse } from '@steelyard/sdk';
import { coverage } from './aperture.ts';
import { score } from './score.ts';

export interface SubsetOptions {
  /** Picks within the part. With an aperture it has to go by weight: backends at the edges are seen in part. */
  over: StrategyUse<StrategyProtocol, 'load'>;
  /** Backends to use; with an aperture the least number. 1 to 65,535. */
  size: number;
  /** Names this balancer among all: the same after a restart, another on each machine. Default: the host name. */
  balancer?: string;
  /** Default null: rendezvous. */
  aperture?: {
    /** This balancer's place among all of them, from 0. */
    index: number;
    /** How many there are. */
    balancers: number;
  } | null;
}

/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export default defineStrategy<SubsetOptions>({
  name: 'subset',
  description: 'each balancer uses a part of a large pool: by rendezvous, or a deterministic aperture',
  options: {
    over: { type: 'strategy', kinds: ['load'], description: 'picks within the part' },
    size: { type: 'integer', minimum: 1, maximum: 65_535, description: 'backends to use; with an aperture the least number' },
    balancer: { type: 'string', default: '', description: 'names this balancer among all; empty = the host name' },
    aperture: {
      type: 'object', nullable: true, default: null, description: 'the place of this balancer among all of them',
      properties: { index: { type: 'integer', minimum: 0, maximum: 65_535 }, balancers: { type: 'integer', minimum: 1, maximum: 65_536 } },
    },
  },
  create({ over, size, balancer, aperture }, host) {
    if (aperture !== null && aperture.index >= aperture.balancers) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', {
        message: `subset: aperture.index is ${aperture.index}, but of ${aperture.balancers} balancers the last one is ${aperture.balancers - 1}`,
        hint: 'the first balancer has index 0',
        source: 'config',
      });
    }
    const inner = host.strategy(over);
    const name = balancer === '' ? hostname() : balancer;
    const part = new PoolPart();
    const below = (count: number): number => Math.floor(host.random() * count);
    /** Most liked first, or around the ring. */
    let ordered: readonly Member[] = [];
    const scoreOf = host.perBackend((backend) => ({ value: score(name, backend.id) }));
    /** The order of the ring is the same for all balancers. */
    const placeOf = host.perBackend((backend) => ({ value: score('', backend.id) }), 'ring');

    const seen = (): Member[] => {
      if (aperture !== null) {
        const shares = coverage(ordered.map(({ weight }) => weight), { ...aperture, size });
        return ordered.flatMap(({ backend, weight }, i) => (shares[i]! > 0 ? [{ backend, weight: weight * shares[i]! }] : []));
      }
      // Those that are down keep their places behind: where too few are up, all of them count.
      const [up, down] = [ordered.filter(isUp), ordered.filter((member) => !isUp(member))];
      return [...up.slice(0, size), ...down.slice(0, Math.max(0, size - up.length))];
    };
    const apply = (): void => {
      const members = seen();
      part.setBackends(members.map(({ backend }) => backend));
      inner.update(members);
    };
    host.hooks.onHealthChange.tap(({ backend, from, to }) => {
      const isKnown = ordered.some((member) => member.backend === backend);
      if (isKnown && aperture === null && (from === 'down' || to === 'down')) apply();
    });
    return {
      update(members) {
        const rank = ({ backend }: Member): number => (aperture === null ? scoreOf(backend) : placeOf(backend)).value;
        ordered = members.filter(({ weight }) => weight > 0).toSorted((one, two) => rank(two) - rank(one) || compareIds(one.backend, two.backend));
        apply();
      },
      // Where nobody of the part is available, a request is better served by anybody than by nobody.
      select: (exchange, pool) => inner.select(exchange, part.of(pool)) ?? (aperture === null ? mostLiked(ordered, pool) : byChance(ordered, pool, below)),
      ...passOn(inner),
    };
  },
});

const isUp = ({ backend }: Member): boolean => backend.health !== 'down' && !backend.draining;

function compareIds(one: Backend, two: Backend): number {
  return one.id < two.id ? -1 : 1;
}

/** Another one for each balancer. */
function mostLiked(members: readonly Member[], pool: PoolView): Backend | undefined {
  for (const { backend } of members) if (pool.isAvailable(backend)) return backend;
  return undefined;
}

/** By weight. The ring begins for all balancers with the same backend: the first available one would have to bear what all of them have left over. */
function byChance(members: readonly Member[], pool: PoolView, below: (count: number) => number): Backend | undefined {
  let sum = 0;
  for (const { backend, weight } of members) if (pool.isAvailable(backend)) sum += weight;
  let left = (below(FINENESS) / FINENESS) * sum;
  let last: Backend | undefined;
  for (const { backend, weight } of members) {
    if (!pool.isAvailable(backend)) continue;
    last = backend;
    left -= weight;
    if (left < 0) break;
  }
  return last;
}

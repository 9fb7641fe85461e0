/**
 * `ringHash()`: the same key goes to the same backend, by a ring of points: consistent hashing.
 *
 * D. Karger et al., "Consistent Hashing and Random Trees", STOC 1997; many points for each backend, by weight, as in ketama (github.com/RJ/ketama),
 * nginx and Envoy. A pick costs O(1).
 */
import { defineStrategy, HASH_KEY, keyHash, SlotTable, type HashKeys, type MissingKey } from '@steelyard/sdk';
import { Ring } from './ring.ts';

export interface RingHashOptions {
  /** What is hashed; of a list the first that is there. Default `address`: the client's, without its port. */
  key?: HashKeys;
  /** Without a key: `random` = by chance, by weight; `none` = no pick, so that a `fallback` around it asks its next. Default `random`. */
  missing?: MissingKey;
  /** Points for each unit of weight, 1 to 10,000; at least one for a backend. Shares stray by about 1 / sqrt(points): 8 % with 160. Default 160. */
  points?: number;
  /** Most points of the whole ring, 1,024 to 8,388,608. Where weights ask for more, all have fewer, in proportion. Default 262,144 (3 to 4 MiB). */
  maxRingSize?: number;
}

export default defineStrategy<RingHashOptions, 'any', 'hash'>({
  name: 'ring-hash',
  kind: 'hash',
  description: 'the same key to the same backend, by points on a ring (ketama)',
  options: {
    key: { ...HASH_KEY, default: 'address' },
    missing: { type: 'string', enum: ['random', 'none'], default: 'random', description: 'without a key: by chance, or no pick' },
    points: { type: 'integer', minimum: 1, maximum: 10_000, default: 160, description: 'points for each unit of weight' },
    maxRingSize: { type: 'integer', minimum: 1_024, maximum: 8_388_608, default: 262_144, description: 'most points of the whole ring' },
  },
  create({ key, missing, points, maxRingSize }, host) {
    const hashOf = keyHash(key, missing, host);
    const slots = new SlotTable();
    const size = { pointsEach: points, maxSize: maxRingSize };
    let ring = new Ring([], size);
    return {
      update(members) {
        // By id: the ring must not depend on the order of the config.
        const taking = members.filter(({ weight }) => weight > 0).toSorted((one, two) => (one.backend.id < two.backend.id ? -1 : 1));
        ring = new Ring(taking, size, ring);
        slots.set(taking.map(({ backend }) => backend), ring.owners);
      },
      select(exchange, pool) {
        const hash = hashOf(exchange);
        return hash === undefined ? undefined : slots.pick(ring.slotOf(hash), pool);
      },
    };
  },
});

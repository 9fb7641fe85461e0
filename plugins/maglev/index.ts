/**
 * `maglev()`: the same key goes to the same backend, by a table that all fill in turns: the most even of the hashes, and the quickest to pick from.
 *
 * D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, §3.4; weights as in Envoy. A pick costs O(1).
 */
import { defineStrategy, HASH_KEY, keyHash, mix32, SlotTable, type HashKeys, type MissingKey } from '@steelyard/sdk';
import { filledTable, tableSizeFor } from './table.ts';

export interface MaglevOptions {
  /** What is hashed; of a list the first that is there. Default `address`: the client's, without its port. */
  key?: HashKeys;
  /** Without a key: `random` = by chance, by weight; `none` = no pick, so that a `fallback` around it asks its next. Default `random`. */
  missing?: MissingKey;
  /**
   * Entries of the table: the first prime from here on is taken, 101 to 5,000,011. A hundred for each backend keep equal shares within one in a hundred.
   * Where there are more backends than entries it is doubled until there are not. Default 65,537.
   */
  tableSize?: number;
}

/**
 * A key whose owner is unavailable has a second entry, and a third. The entry behind would not do: members go through the table in strides, so that the same
 * few stand behind each other more often than others. After so many the next of all who are left takes it: then hardly anybody is available.
 */
const ENTRIES_PER_KEY = 8;

export default defineStrategy<MaglevOptions, 'any', 'hash'>({
  name: 'maglev',
  kind: 'hash',
  description: 'the same key to the same backend, by a table that is filled evenly (Maglev)',
  options: {
    key: { ...HASH_KEY, default: 'address' },
    missing: { type: 'string', enum: ['random', 'none'], default: 'random', description: 'without a key: by chance, or no pick' },
    tableSize: { type: 'integer', minimum: 101, maximum: 5_000_011, default: 65_537, description: 'entries of the table; the first prime from here on' },
  },
  create({ key, missing, tableSize }, host) {
    const hashOf = keyHash(key, missing, host);
    const slots = new SlotTable();
    return {
      update(members) {
        // By id: who has its turn first must not depend on the order of the config.
        const taking = members.filter(({ weight }) => weight > 0).toSorted((one, two) => (one.backend.id < two.backend.id ? -1 : 1));
        slots.set(taking.map(({ backend }) => backend), filledTable(taking, tableSizeFor(tableSize, taking.length)));
      },
      select(exchange, pool) {
        let hash = hashOf(exchange);
        if (hash === undefined) return undefined;
        for (let entries = 0; entries < ENTRIES_PER_KEY; entries++) {
          const owner = slots.ownerOf((hash >>> 0) % slots.size);
          if (owner !== undefined && pool.isAvailable(owner)) return owner;
          hash = mix32(hash + 1);
        }
        return slots.pick((hash >>> 0) % slots.size, pool);
      },
    };
  },
});

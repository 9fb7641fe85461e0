/**
 * `rendezvous()`: the same key goes to the same backend, by highest random weight. Who leaves moves its own keys alone, who comes takes only its own.
 *
 * D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1), 1998; weights as in
 * C. Schindelhauer, G. Schomaker, "Weighted Distributed Hash Tables", SPAA 2005. No table; a pick costs O(n).
 */
import { defineStrategy, HASH_KEY, keyHash, type HashKeys, type MissingKey } from '@steelyard/sdk';
import { HighestScore } from './highest-score.ts';

export interface RendezvousOptions {
  /** What is hashed; of a list the first that is there. Default `address`: the client's, without its port. */
  key?: HashKeys;
  /** Without a key: `random` = by chance, by weight; `none` = no pick, so that a `fallback` around it asks its next. Default `random`. */
  missing?: MissingKey;
}

export default defineStrategy<RendezvousOptions, 'any', 'hash'>({
  name: 'rendezvous',
  kind: 'hash',
  description: 'the same key to the same backend, by highest random weight: for up to a few hundred',
  options: {
    key: { ...HASH_KEY, default: 'address' },
    missing: { type: 'string', enum: ['random', 'none'], default: 'random', description: 'without a key: by chance, or no pick' },
  },
  create({ key, missing }, host) {
    const hashOf = keyHash(key, missing, host);
    /** Where there is no key nothing can be foretold, and no chance is spent on it. */
    const shownHashOf = keyHash(key, 'none', host);
    const scores = new HighestScore();
    return {
      update: (members) => scores.setMembers(members),
      select(exchange, pool) {
        const hash = hashOf(exchange);
        return hash === undefined ? undefined : scores.pick(hash, pool);
      },
      score({ backend }, exchange) {
        const hash = shownHashOf(exchange);
        return hash === undefined ? undefined : scores.costOf(backend, hash);
      },
    };
  },
});

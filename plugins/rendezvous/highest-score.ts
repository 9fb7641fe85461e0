/**
 * Rendezvous hashing: each backend has a score for the key that depends on nothing else, and the highest available wins. So whoever is gone is missed by
 * its own keys alone, and each of them has a second choice of its own: what a backend leaves is shared by all others.
 *
 * With u = the hash of key and backend as a number in (0, 1), the score is weight / -ln(u) (Schindelhauer and Schomaker, 2005): -ln(u) is exponential
 * with mean 1, and the smallest of exponentials falls to each in proportion to its rate. It grows with u, so equal weights compare the hashes themselves.
 */
import { hash32, mix32, type Backend, type Member, type PoolView } from '@steelyard/sdk';

export class HighestScore {
  #backends: Backend[] = [];
  #weights = new Float64Array(0);
  /** 63 bits of each backend's id: 32 alone fall together for some two of a thousand in one pool of 8,600, and the second of them would get nothing. */
  #addends = new Int32Array(0);
  #factors = new Int32Array(0);
  #areEqual = true;

  setMembers(members: readonly Member[]): void {
    // By id: a tie (one key in four billion, for a pair) must not depend on the order of the config.
    const taking = members.filter(({ weight }) => weight > 0).toSorted((one, two) => (one.backend.id < two.backend.id ? -1 : 1));
    this.#backends = taking.map(({ backend }) => backend);
    this.#weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#addends = Int32Array.from(taking, ({ backend }) => hash32(backend.id));
    // Odd, so that multiplying loses nothing of the key.
    this.#factors = Int32Array.from(taking, ({ backend }) => hash32(backend.id, 1) | 1);
    this.#areEqual = this.#weights.every((weight) => weight === this.#weights[0]);
  }

  /** @param key 32 bits of the key */
  pick(key: number, pool: PoolView): Backend | undefined {
    return this.#areEqual ? this.#highest(key, pool) : this.#highestWeighted(key, pool);
  }

  /** One over its score for the key: the least wins. */
  costOf(backend: Backend, key: number): number | undefined {
    const index = this.#backends.indexOf(backend);
    return index < 0 ? undefined : -Math.log((this.#hash(key, index) + 0.5) / 0x1_0000_0000) / this.#weights[index]!;
  }

  // Availability is asked of those only that beat all before them: of about ln(n).

  #highest(key: number, pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    let best: Backend | undefined;
    let most = -1;
    for (let i = 0; i < backends.length; i++) {
      const score = this.#hash(key, i);
      if (score <= most || !pool.isAvailable(backends[i]!)) continue;
      most = score;
      best = backends[i];
    }
    return best;
  }

  #highestWeighted(key: number, pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    let best: Backend | undefined;
    let most = -1;
    for (let i = 0; i < backends.length; i++) {
      const score = this.#weights[i]! / -Math.log((this.#hash(key, i) + 0.5) / 0x1_0000_0000);
      if (score <= most || !pool.isAvailable(backends[i]!)) continue;
      most = score;
      best = backends[i];
    }
    return best;
  }

  /** Of key and backend: 0 to 2^32 - 1. */
  #hash(key: number, index: number): number {
    return mix32(Math.imul(key ^ this.#addends[index]!, this.#factors[index]!)) >>> 0;
  }
}

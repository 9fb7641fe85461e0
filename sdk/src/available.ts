/** Who of a strategy's backends may be picked, asked anew only when it may have changed: for strategies that look at every one of them. */
import type { Backend, PoolView } from './model.ts';

/**
 * Indices of the backends of a list that are available. One object serves all picks of a strategy and allocates only in `setBackends`.
 * @example
 * const available = new AvailableIndices();
 * // in update:  available.setBackends(members.map(({ backend }) => backend));
 * // in select:  const count = available.look(pool);
 * //             for (let at = 0; at < count; at++) weigh(backends[available.indices[at]!]!);
 */
export class AvailableIndices {
  /** Ascending, as far as the count that `look` returned. */
  indices = new Int32Array(0);
  /** How often the pool was asked: what was added up over `indices` holds while it stays. */
  asked = 0;
  #backends: readonly Backend[] = [];
  #count = 0;
  /** The pool's version that `indices` holds for; 0 = for none. */
  #version = 0;

  setBackends(backends: readonly Backend[]): void {
    this.#backends = backends;
    this.indices = new Int32Array(backends.length);
    this.#version = 0;
  }

  /** @returns how many are available now. O(1) while the pool's version stays, else one question for each backend. */
  look(pool: PoolView): number {
    const version = pool.version ?? 0;
    if (version === 0 || version !== this.#version) this.#ask(pool, version);
    return this.#count;
  }

  #ask(pool: PoolView, version: number): void {
    const backends = this.#backends;
    let count = 0;
    for (let i = 0; i < backends.length; i++) if (pool.isAvailable(backends[i]!)) this.indices[count++] = i;
    this.#count = count;
    this.asked++;
    this.#version = version;
  }
}

/** A circular table of backends: what hash strategies look a key up in, and how they walk on from a backend that is unavailable. */
import type { Backend, PoolView } from './model.ts';

/** So many slots are walked over before everybody is asked. Where a share s of the slots is available it is found by then but for (1-s)^1024. */
const WALK_SLOTS = 1_024;

/**
 * Slots in a circle, each owned by a backend. A pick is the owner of a slot, or, while that is unavailable, of the next slot whose owner is not: so a
 * backend that fails moves its own keys alone, to as many others as there are neighbours, by their shares, and gets them back. Nothing is rebuilt.
 * @example
 * const slots = new SlotTable();
 * // in update:  slots.set(members.map(({ backend }) => backend), Uint32Array.from(members, (_, i) => i));
 * // in select:  return slots.pick(slot, pool);
 */
export class SlotTable {
  #backends: readonly Backend[] = [];
  #owners: Uint32Array = new Uint32Array(0);
  /** The walk that asked a backend last, by its index. */
  #askedIn = new Uint32Array(0);
  #walk = 0;

  /** @param owners for each slot the index of its backend. Without a slot there is no pick. */
  set(backends: readonly Backend[], owners: Uint32Array): void {
    this.#backends = backends;
    this.#owners = owners;
    this.#askedIn = new Uint32Array(backends.length);
    this.#walk = 0;
  }

  get size(): number {
    return this.#owners.length;
  }

  /** Whoever owns the slot, available or not. @param slot 0 to size - 1 */
  ownerOf(slot: number): Backend | undefined {
    const owner = this.#owners[slot];
    return owner === undefined ? undefined : this.#backends[owner];
  }

  /** @param slot 0 to size - 1 */
  pick(slot: number, pool: PoolView): Backend | undefined {
    const owner = this.#owners[slot];
    if (owner === undefined) return undefined;
    const backend = this.#backends[owner]!;
    return pool.isAvailable(backend) ? backend : this.#next(slot, pool);
  }

  /** Asks each backend at most once: in a pool where all are down the table is not walked around. */
  #next(slot: number, pool: PoolView): Backend | undefined {
    const backends = this.#backends;
    const owners = this.#owners;
    const askedIn = this.#askedIn;
    const walk = this.#nextWalk();
    askedIn[owners[slot]!] = walk;
    let left = backends.length - 1;
    let at = slot;
    for (let steps = Math.min(WALK_SLOTS, owners.length); steps > 1 && left > 0; steps--) {
      if (++at === owners.length) at = 0;
      const owner = owners[at]!;
      if (askedIn[owner] === walk) continue;
      askedIn[owner] = walk;
      left--;
      if (pool.isAvailable(backends[owner]!)) return backends[owner];
    }
    // Those who are left own next to nothing. From a place of the slot's own, so that they share what comes.
    let index = slot % backends.length;
    for (let steps = backends.length; steps > 0 && left > 0; steps--) {
      if (askedIn[index] !== walk) {
        left--;
        if (pool.isAvailable(backends[index]!)) return backends[index];
      }
      if (++index === backends.length) index = 0;
    }
    return undefined;
  }

  #nextWalk(): number {
    if (this.#walk === 0xffff_ffff) {
      this.#askedIn.fill(0);
      this.#walk = 0;
    }
    return ++this.#walk;
  }
}

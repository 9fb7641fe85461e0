/**
 * Open connections by client address, over all threads, in a table of fixed size: a flood from many addresses makes nothing grow. Each address
 * has a cell in each of two halves, chosen by a keyed hash, and counts as many as the lower of the two (a count-min sketch: Cormode and
 * Muthukrishnan, 2005). So a count may be too high where both cells are shared, never too low. Each thread writes in its own part alone.
 */
import type { ParsedAddress } from '../request/address.ts';

/** Of one half: two addresses have the same two cells once in 2^30. 256 KiB a thread, of which untouched pages cost nothing. */
const HALF_BITS = 15;
const HALF = 2 ** HALF_BITS;
const PART = 2 * HALF;
/** In front of the parts. */
const KEYS = 2;

export type AddressMemory = ArrayBuffer | SharedArrayBuffer;

export class AddressCounts {
  readonly memory: AddressMemory;
  readonly #cells: Int32Array;
  readonly #parts: number;
  /** Where this thread's part begins. */
  readonly #own: number;

  /** @param block of the scoreboard: 0 = main. */
  constructor(memory: AddressMemory, block: number) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
    this.#parts = Math.floor(this.#cells.length / PART);
    this.#own = KEYS + block * PART;
  }

  /** In main. Nobody outside knows the keys, so nobody can choose addresses that share cells with another's. */
  static create(blocks: number, isShared: boolean): AddressCounts {
    const bytes = (KEYS + blocks * PART) * 4;
    const counts = new AddressCounts(isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes), 0);
    counts.#cells.set(crypto.getRandomValues(new Int32Array(KEYS)));
    return counts;
  }

  /**
   * One more connection of this address. @returns its cells, for `remove`; -1 = the address has `limit` already, and nothing was counted.
   * Two threads that come at the same moment may both find the last place taken.
   * @param scope what is counted apart: the listener.
   */
  add(address: ParsedAddress, scope: number, limit: number): number {
    const first = this.#hash(address, scope, 0);
    const second = this.#hash(address, scope, 1);
    this.#cells[this.#own + first]!++;
    this.#cells[this.#own + HALF + second]!++;
    const cells = first * HALF + second;
    if (Math.min(this.#sum(first), this.#sum(HALF + second)) <= limit) return cells;
    this.remove(cells);
    return -1;
  }

  /** @param cells as `add` gave them. */
  remove(cells: number): void {
    this.#cells[this.#own + (cells >>> HALF_BITS)]!--;
    this.#cells[this.#own + HALF + (cells & (HALF - 1))]!--;
  }

  /** The thread of this block has ended, and its connections with it. Main only, before another takes the block. */
  clear(block: number): void {
    this.#cells.fill(0, KEYS + block * PART, KEYS + (block + 1) * PART);
  }

  /** Loads of a cell that another thread writes may be a moment old. */
  #sum(cell: number): number {
    let sum = 0;
    for (let part = 0; part < this.#parts; part++) sum += this.#cells[KEYS + part * PART + cell]!;
    return sum;
  }

  /** An IPv6 customer has a /64 at least (RFC 6177), and any number of addresses in it. */
  #hash({ isV4, words }: ParsedAddress, scope: number, half: 0 | 1): number {
    let hash = this.#cells[half]! ^ scope;
    hash = mix(hash, isV4 ? words[3] : words[0]);
    hash = mix(hash, isV4 ? 4 : words[1]);
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (HALF - 1);
  }
}

/** A step of MurmurHash3 (32 bits). */
function mix(hash: number, word: number): number {
  let bits = Math.imul(word, 0xcc9e2d51);
  bits = Math.imul((bits << 15) | (bits >>> 17), 0x1b873593);
  bits ^= hash;
  return (Math.imul((bits << 13) | (bits >>> 19), 5) + 0xe6546b64) | 0;
}

/**
 * Maglev's table. Each backend prefers its entries in an order of its own, a permutation made of its id; they take turns, and whoever has a turn takes the
 * first entry in its order that is free. So all get the same number, but for one, and most entries keep their owner when somebody comes or goes.
 *
 * By weight the k-th turn (from 0) of a backend comes at k / weight: everybody has one entry before anybody has two, and from there on shares are those of
 * the weights. With equal weights these are the rounds of the paper.
 */
import { hash32, type Member } from '@steelyard/sdk';

/** @param members with weights above 0, in an order of their own; @param size a prime, at least as many as members. Gives the index of a member for each entry. */
export function filledTable(members: readonly Member[], size: number): Uint32Array {
  const offsets = members.map(({ backend }) => (hash32(backend.id) >>> 0) % size);
  const skips = members.map(({ backend }) => ((hash32(backend.id, 1) >>> 0) % (size - 1)) + 1);
  return filledInTurns(offsets, skips, members.map(({ weight }) => weight), size);
}

/**
 * The paper's population of the table: the j-th choice of a member is `(offset + j · skip) % size`.
 * @param size a prime, so that any skip from 1 to size - 1 comes by all entries
 */
export function filledInTurns(offsets: readonly number[], skips: readonly number[], weights: readonly number[], size: number): Uint32Array {
  if (offsets.length === 0) return new Uint32Array(0);
  const table = new Uint32Array(size).fill(FREE);
  const next = Uint32Array.from(offsets);
  const turns = new Turns(weights);
  for (let filled = 0; filled < size; filled++) {
    const member = turns.take();
    const skip = skips[member]!;
    let entry = next[member]!;
    while (table[entry] !== FREE) {
      entry += skip;
      if (entry >= size) entry -= size;
    }
    table[entry] = member;
    next[member] = entry;
  }
  return table;
}

const FREE = 0xffff_ffff;

/**
 * The next turn is the earliest; of those at the same time the first in the list. Members of equal weight have their turns in rounds; others lie in a binary
 * heap, which of ten thousand costs some ten steps for each turn.
 */
class Turns {
  readonly #areEqual: boolean;
  #inRound = -1;
  readonly #weights: readonly number[];
  readonly #had: Uint32Array;
  /** When the next turn of each is. */
  readonly #at: Float64Array;
  /** All begin at 0: their order is a heap. */
  readonly #heap: Uint32Array;

  constructor(weights: readonly number[]) {
    this.#areEqual = weights.every((weight) => weight === weights[0]);
    this.#weights = weights;
    this.#had = new Uint32Array(weights.length);
    this.#at = new Float64Array(weights.length);
    this.#heap = Uint32Array.from(weights, (_, member) => member);
  }

  take(): number {
    if (this.#areEqual) {
      if (++this.#inRound === this.#weights.length) this.#inRound = 0;
      return this.#inRound;
    }
    const member = this.#heap[0]!;
    // Divided anew, not added up: equal weights stay exactly level.
    this.#at[member] = ++this.#had[member]! / this.#weights[member]!;
    this.#sink(member);
    return member;
  }

  /** The member at the top goes to its new place. */
  #sink(member: number): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, member)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = member;
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#at[one]! - this.#at[other]!;
    return difference < 0 || (difference === 0 && one < other);
  }
}

/** The first prime from `wanted` on; where there are more members, from twice as many on, or four times. */
export function tableSizeFor(wanted: number, members: number): number {
  let size = wanted;
  while (size < members) size *= 2;
  while (!isPrime(size)) size++;
  return size;
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return true;
}

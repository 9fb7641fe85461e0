/** Chance from a seed: the same seed gives the same schedule, on every machine. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 1, without 1. mulberry32: small, and good enough to choose steps by. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** @param share of the cases in which it is true, 0 to 1. */
  isTrue(share: number): boolean {
    return this.next() < share;
  }

  pick<const T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Pairs of a weight and a choice. */
  weighted<const T>(table: readonly (readonly [number, T])[]): T {
    let left = this.next() * table.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of table) if ((left -= weight) < 0) return choice;
    return table.at(-1)![1];
  }
}

/** The seed of schedule `index` in the run with `seed`: each can be replayed alone. */
export function seedOf(seed: number, index: number): number {
  return Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
}

/**
 * Draws by weight in one step, however many there are: A. J. Walker's alias method, its table filled as by M. D. Vose, "A Linear Algorithm for Generating
 * Random Numbers with a Given Distribution", IEEE Transactions on Software Engineering 17(9), 1991. Each index has a column of the same width; what its
 * weight does not fill of it belongs to one other index.
 */
export class AliasTable {
  /** The part of its own column that an index fills, 0 to 1. */
  readonly #own: Float64Array;
  /** Whose the rest is. */
  readonly #alias: Int32Array;

  /** @param weights above 0 */
  constructor(weights: Float64Array) {
    const count = weights.length;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    // In widths of a column.
    this.#own = weights.map((weight) => (weight * count) / sum);
    this.#alias = Int32Array.from(weights, (_, index) => index);
    const [short, long]: [number[], number[]] = [[], []];
    this.#own.forEach((width, index) => (width < 1 ? short : long).push(index));
    while (short.length > 0 && long.length > 0) {
      const poor = short.pop()!;
      const rich = long.at(-1)!;
      this.#alias[poor] = rich;
      this.#own[rich]! -= 1 - this.#own[poor]!;
      if (this.#own[rich]! < 1) short.push(long.pop()!);
    }
    // Rounding leaves some that are short of nothing but the last bit.
    for (const index of [...short, ...long]) this.#own[index] = 1;
  }

  /** @param chance uniform in [0, 1) */
  at(chance: number): number {
    const place = chance * this.#own.length;
    const column = Math.floor(place);
    return place - column < this.#own[column]! ? column : this.#alias[column]!;
  }
}

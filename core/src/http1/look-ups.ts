/** What was asked of a head before: plugins ask for the same few fields, and a string made for one serves all. */

/** A power of two, at most 32. Names that share a place only cost each other a look at the fields. */
const PLACES = 16;

export class LookUps {
  readonly #names: string[] = Array.from({ length: PLACES }, () => '');
  readonly #answers: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  /** A bit for each place that is taken. */
  #taken = 0;

  /** Whether `answer` knows. @param hash the name's, of `hashOfName`. */
  has(name: string, hash: number): boolean {
    return name !== '' && this.#names[hash & (PLACES - 1)] === name;
  }
  answer(hash: number): string | undefined {
    return this.#answers[hash & (PLACES - 1)];
  }
  /** @returns the answer. */
  keep(name: string, hash: number, answer: string | undefined): string | undefined {
    const place = hash & (PLACES - 1);
    this.#taken |= 1 << place;
    this.#names[place] = name;
    return (this.#answers[place] = answer);
  }

  /** The head changes. */
  forget(): void {
    for (let rest = this.#taken; rest !== 0; rest &= rest - 1) {
      const place = 31 - Math.clz32(rest & -rest);
      this.#names[place] = '';
      this.#answers[place] = undefined;
    }
    this.#taken = 0;
  }
}

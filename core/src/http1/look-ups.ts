/** What was asked of a head before: plugins ask for the same few fields, and a string made for one serves all. */

/** A power of two. Names that share a place only cost each other a look at the fields. */
const PLACES = 16;

export class LookUps {
  readonly #names: string[] = Array.from({ length: PLACES }, () => '');
  readonly #answers: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  #isEmpty = true;

  /** Whether `answer` knows. @param hash the name's, of `hashOfName`. */
  has(name: string, hash: number): boolean {
    return name !== '' && this.#names[hash & (PLACES - 1)] === name;
  }
  answer(hash: number): string | undefined {
    return this.#answers[hash & (PLACES - 1)];
  }
  /** @returns the answer. */
  keep(name: string, hash: number, answer: string | undefined): string | undefined {
    this.#isEmpty = false;
    this.#names[hash & (PLACES - 1)] = name;
    return (this.#answers[hash & (PLACES - 1)] = answer);
  }

  /** The head changes. */
  forget(): void {
    if (this.#isEmpty) return;
    this.#isEmpty = true;
    for (let place = 0; place < PLACES; place++) {
      this.#names[place] = '';
      this.#answers[place] = undefined;
    }
  }
}

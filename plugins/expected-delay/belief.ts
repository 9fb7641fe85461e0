/**
 * What is believed of one backend's slowness: how likely it is as fast as usual, or two, four, eight times slower. A Bayesian filter over these four.
 *
 * Answers are taken for a Poisson process while requests are there: a backend s times slower than usual, from which `expected` answers were due, gives none
 * with the likelihood e^(-expected / s), and the next one with 1 / s of the usual one's. So silence counts too, before any slow answer has come: with the
 * same in flight, the longer nothing comes back, the slower it must be. In time the belief goes back to what is likely of anybody.
 */

/** Times slower than usual. Between two of them, both are believed a little. */
const SLOWNESS = [1, 2, 4, 8];
/** Of one of whom nothing is known: as usual by two to one, else any of the others. */
const PRIOR = [6 / 9, 1 / 9, 1 / 9, 1 / 9];
/** Evidence of one step. More would leave nothing of any of the four in floating point. */
const MOST_EXPECTED = 100;

export class Belief {
  /** How likely each slowness is; they sum up to 1. */
  readonly #likely = Float64Array.of(1, 0, 0, 0);
  /** The same after some time, in proportion. Made here once: nothing allocates. */
  readonly #next = new Float64Array(SLOWNESS.length);

  /** Time has passed without an answer. @param expected answers in it, of one as fast as usual @param kept of the old belief, 0 to 1 */
  pass(expected: number, kept: number): void {
    this.#weigh(expected, kept);
    this.#normalize();
  }

  /** An answer came. */
  answered(): void {
    for (let i = 0; i < SLOWNESS.length; i++) this.#next[i] = this.#likely[i]! / SLOWNESS[i]!;
    this.#normalize();
  }

  /** The speed to be expected: 1 = as usual, and never more; 1/8 at least. */
  get speed(): number {
    let speed = 0;
    for (let i = 0; i < SLOWNESS.length; i++) speed += this.#likely[i]! / SLOWNESS[i]!;
    return speed;
  }

  /** The speed to be expected if time has passed as `pass` says; does not change the belief. */
  speedAfter(expected: number, kept: number): number {
    this.#weigh(expected, kept);
    let sum = 0;
    let speed = 0;
    for (let i = 0; i < SLOWNESS.length; i++) {
      sum += this.#next[i]!;
      speed += this.#next[i]! / SLOWNESS[i]!;
    }
    return speed / sum;
  }

  #weigh(expected: number, kept: number): void {
    const due = Math.min(expected, MOST_EXPECTED);
    for (let i = 0; i < SLOWNESS.length; i++) this.#next[i] = (this.#likely[i]! * kept + PRIOR[i]! * (1 - kept)) * Math.exp(-due / SLOWNESS[i]!);
  }

  #normalize(): void {
    let sum = 0;
    for (let i = 0; i < SLOWNESS.length; i++) sum += this.#next[i]!;
    for (let i = 0; i < SLOWNESS.length; i++) this.#likely[i] = this.#next[i]! / sum;
  }
}

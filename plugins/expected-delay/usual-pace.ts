/**
 * How fast answers come from a backend that has so many requests in flight: the mean over all that are alike. Asked by the number in flight, as a backend that
 * serves them one after the other gives answers at the same rate for any number, and one that serves all at once at a rate that grows with it.
 */

/** Above so many in flight all is one. */
const MOST_IN_FLIGHT = 128;
/** A mean of fewer answers says too little: then that of the nearest number that has more. */
const LEAST_ANSWERS = 8;
/** Weight of a new answer: so many of the last count. The mean is for comparing, and what slows all alike changes nothing, so it may be slow to follow. */
const GAIN = 1 / 256;

export class UsualPace {
  // By the number in flight, both fading by answers.
  readonly #answers = new Float64Array(MOST_IN_FLIGHT + 1);
  readonly #timeMs = new Float64Array(MOST_IN_FLIGHT + 1);
  #most = 0;

  pass(inFlight: number, ms: number): void {
    this.#timeMs[Math.min(inFlight, MOST_IN_FLIGHT)]! += ms;
  }

  answered(inFlight: number): void {
    const row = Math.min(inFlight, MOST_IN_FLIGHT);
    this.#most = Math.max(this.#most, row);
    this.#answers[row] = (this.#answers[row]! + 1) * (1 - GAIN);
    this.#timeMs[row]! *= 1 - GAIN;
  }

  /** Answers per millisecond with so many in flight; 0 = nothing is known yet, or there is nothing to wait for. */
  at(inFlight: number): number {
    if (inFlight === 0) return 0;
    const row = Math.min(inFlight, MOST_IN_FLIGHT);
    for (let lower = row; lower > 0; lower--) if (this.#isKnown(lower)) return this.#answers[lower]! / this.#timeMs[lower]!;
    for (let higher = row + 1; higher <= this.#most; higher++) if (this.#isKnown(higher)) return this.#answers[higher]! / this.#timeMs[higher]!;
    return 0;
  }

  #isKnown(row: number): boolean {
    return this.#answers[row]! >= LEAST_ANSWERS && this.#timeMs[row]! > 0;
  }
}

/** What one active check holds of one backend, as a pure function of its results: the thresholds `rise` and `fall`. */

export interface Streak {
  /** The verdict; `undefined` until the first result. It flips only at a threshold. */
  readonly passing: boolean | undefined;
  /** The last result; `undefined` = there was none. */
  readonly good: boolean | undefined;
  /** Results in a row like the last one, that one included. */
  readonly inARow: number;
}

interface Thresholds {
  /** Good results in a row that turn a failing verdict. At least 1. */
  readonly rise: number;
  /** Failed results in a row that turn a passing verdict. At least 1. */
  readonly fall: number;
}

/** For a backend of which nothing is known: the first result decides alone, so that a start does not wait for `rise` intervals. */
export const UNDECIDED: Streak = { passing: undefined, good: undefined, inARow: 0 };

/** For a backend in use that gets one more check: it needs `fall` failures, so that a mistyped new check does not empty a pool at its first result. */
export const IN_USE: Streak = { passing: true, good: undefined, inARow: 0 };

/** The streak after one more result. It was a flip if `passing` is another than before. */
export function advance(streak: Streak, good: boolean, thresholds: Thresholds): Streak {
  const inARow = good === streak.good ? streak.inARow + 1 : 1;
  const decides = streak.passing === undefined || inARow >= (good ? thresholds.rise : thresholds.fall);
  return { passing: decides ? good : streak.passing, good, inARow };
}

/** "Did you mean": the known word that a mistyped one stands for. */

/**
 * The closest of `known` by edits (insert, delete, replace, swap of neighbours), or `undefined` when none is close:
 * a third of the letters may differ, at least one, at most three. Case does not count. Else the only one that begins with it.
 */
export function nearest(given: string, known: Iterable<string>): string | undefined {
  if (given.length > MAX_LENGTH) return undefined;
  const wanted = given.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(given.length / 3))) + 1;
  for (const word of known) {
    if (word.length > MAX_LENGTH) continue;
    const distance = editDistance(wanted, word.toLowerCase());
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best ?? begunWith(wanted, known);
}

/** The only word that begins so, whatever stands between its letters: `least-conn` and `leastConn` for `least-connections`. */
function begunWith(wanted: string, known: Iterable<string>): string | undefined {
  const start = lettersOf(wanted);
  if (start.length < LEAST_START) return undefined;
  const words = [...known].filter((word) => lettersOf(word.toLowerCase()).startsWith(start));
  return words.length === 1 ? words[0] : undefined;
}
/** Shorter ones begin too much. */
const LEAST_START = 4;

function lettersOf(word: string): string {
  return word.replaceAll(/[^a-z0-9]/g, '');
}

/** Longer words are no typing mistakes, and the table below is quadratic. */
const MAX_LENGTH = 80;

/** Optimal string alignment distance: Levenshtein's, with a swap of neighbours as one edit. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length]!;
}

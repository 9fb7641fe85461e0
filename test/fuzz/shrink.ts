/** The smallest input that shows a difference: parts are taken out as long as the same rule stays broken. */
import { checkInput } from './checks.ts';
import type { Difference, Input } from './meaning.ts';
import { Tally } from './tally.ts';

/** Chance is part of the checks: a smaller input may need another seed to show it. */
const SEEDS = 3;
const MOST_TRIES = 20_000;

/** The rule, without what is particular about the case. */
export function ruleOf(difference: Difference): string {
  return difference.split(':', 1)[0]!;
}

export interface Shrunk {
  input: Input;
  difference: Difference;
}
/** Returns what it was given if the difference needs more than the bytes: the meaning by construction. */
export function shrink(input: Input, difference: Difference): Shrunk {
  const rule = ruleOf(difference);
  let tries = 0;
  const shows = (text: string): Shrunk | undefined => {
    for (let seed = 0; seed < SEEDS && tries < MOST_TRIES; seed++) {
      tries += 1;
      const tried = { ...input, text, checkSeed: input.checkSeed + seed };
      const met = checkInput(tried, new Tally());
      if (met !== undefined && ruleOf(met) === rule) return { input: tried, difference: met };
    }
    return undefined;
  };

  let smallest = shows(input.text);
  if (!smallest) return { input, difference };
  for (let size = Math.ceil(input.text.length / 2); size >= 1; ) {
    let isSmaller = false;
    for (let at = 0; at < smallest.input.text.length; ) {
      const { text } = smallest.input;
      const found = shows(text.slice(0, at) + text.slice(at + size));
      if (!found) {
        at += size;
        continue;
      }
      smallest = found;
      isSmaller = true;
    }
    if (!isSmaller) size = Math.floor(size / 2);
  }
  return smallest;
}

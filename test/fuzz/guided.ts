/** Fuzzing that learns: an input which reaches new code of the parsers is kept, and mutated further. */
import { checkInput } from './checks.ts';
import { KINDS, caseOf } from './cases.ts';
import { readCorpus, writeCorpus } from './corpus.ts';
import { Coverage, type Reached } from './coverage.ts';
import { type Input, latin1 } from './meaning.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { Reader, type Sink } from './reader.ts';
import { Tally } from './tally.ts';
import { shrink } from './shrink.ts';
import type { Options } from './options.ts';
import type { Found } from './worker.ts';

/** Kept inputs stay readable. */
const MOST_KEPT_BYTES = 700;
/** How many valid ones of each kind a run begins with. */
const FRESH_OF_EACH_KIND = 20;
/** Asking V8 takes as long as some cases: it is asked once for so many, and for each of them only when they reached something new together. */
const BATCH = 16;

/** Coverage counts what parsing alone reaches: what the checks do besides would hide it. */
const IGNORE: Sink = {
  onHead: () => false,
  onBody: () => undefined,
  onEnd: () => undefined,
};

export function guided({ seed, minutes, kinds, save }: Options): { found: Found | undefined; lines: string[] } {
  const random = new Random(seed);
  const reader = new Reader();
  const coverage = new Coverage();
  const tally = new Tally();
  const sides = new Set(kinds.map((kind) => (kind.startsWith('request') ? 'request' : 'response')));
  const corpus: Input[] = [];
  let cases = 0;
  let found: Found | undefined;

  const reachedByOne: Reached = new Map();
  const reachedTogether: Reached = new Map();
  const consider = (inputs: readonly Input[]): void => {
    coverage.skip();
    for (const input of inputs) parse(reader, input);
    if (coverage.news(reachedTogether) > 0) {
      for (const input of inputs) {
        parse(reader, input);
        if (coverage.news(reachedByOne) > 0 && input.text.length <= MOST_KEPT_BYTES) corpus.push(input);
      }
    }
    for (const input of inputs) {
      cases += 1;
      const difference = checkInput(input, tally);
      if (difference !== undefined && !found) found = { kind: `${input.side}s`, number: cases, ...shrink(input, difference) };
    }
  };

  coverage.start();
  // The short ones first: what they reach, no longer one is kept for.
  const beginning = [...readCorpus(), ...KINDS.flatMap((kind) => Array.from({ length: FRESH_OF_EACH_KIND }, (_, number) => caseOf(kind, seed, number).input))];
  for (const input of beginning.filter(({ side }) => sides.has(side)).sort((one, other) => one.text.length - other.text.length)) if (!found) consider([input]);
  const before = corpus.length;
  const start = performance.now();
  while (!found && performance.now() < start + minutes * 60_000) {
    consider(
      Array.from({ length: BATCH }, () => {
        const parent = random.pick(corpus);
        return { ...parent, text: mutate(random, parent.text, random.pick(corpus).text), checkSeed: random.below(1 << 30) };
      }),
    );
  }
  coverage.stop();
  if (save && !found) writeCorpus(smallest(corpus, reader));
  const seconds = (performance.now() - start) / 1_000;
  const lines = [`${cases} cases, ${Math.round(cases / seconds)} a second; ${reachedByOne.size} blocks reached, ${corpus.length - before} inputs found that reached more than the ${before} before`];
  for (const [what, times] of [...tally.counts].sort(([one], [other]) => (one < other ? -1 : 1))) lines.push(`${String(times).padStart(12)}  ${what}`);
  return { found, lines };
}

function parse(reader: Reader, input: Input): void {
  reader.read(input, latin1(input.text), [], IGNORE);
}

/** Those that are still needed when the short ones come first. */
function smallest(corpus: readonly Input[], reader: Reader): Input[] {
  const coverage = new Coverage();
  const reached: Reached = new Map();
  coverage.start();
  const needed = [...corpus].sort((one, other) => one.text.length - other.text.length).filter((input) => {
    coverage.skip();
    parse(reader, input);
    return coverage.news(reached) > 0;
  });
  coverage.stop();
  return needed;
}

/** The same bytes in other reads: the same messages, the same bytes to send on, the same verdict. */
import type { Difference, Input } from './meaning.ts';
import type { Random } from './random.ts';
import { Reader } from './reader.ts';
import { TranscriptSink } from './sinks.ts';
import type { Tally } from './tally.ts';

/** Up to here every cut in two is tried at times; above it that costs more than it finds. */
const CUT_EVERYWHERE_BYTES = 400;
const CUT_EVERYWHERE_ONE_IN = 24;
const BYTE_BY_BYTE_ONE_IN = 24;

const whole = new Reader({ isProbing: true });
const parts = new Reader({ isProbing: true });
const sink = new TranscriptSink();

export function checkSplits(input: Input, bytes: Buffer, random: Random, tally: Tally): Difference | undefined {
  const expected = transcript(whole, input, bytes, []);
  if (bytes.length <= CUT_EVERYWHERE_BYTES && random.oneIn(CUT_EVERYWHERE_ONE_IN)) {
    tally.count('cut in two at every place');
    for (let cut = 1; cut < bytes.length; cut++) {
      const difference = compare(expected, input, bytes, [cut]);
      if (difference) return difference;
    }
  }
  if (bytes.length <= CUT_EVERYWHERE_BYTES && random.oneIn(BYTE_BY_BYTE_ONE_IN)) {
    return compare(expected, input, bytes, Array.from({ length: bytes.length - 1 }, (_, i) => i + 1));
  }
  return compare(expected, input, bytes, randomCuts(random, bytes.length, 1)) ?? compare(expected, input, bytes, randomCuts(random, bytes.length, 7));
}

export function randomCuts(random: Random, length: number, most: number): number[] {
  return Array.from({ length: random.between(1, most) }, () => random.below(length + 1)).sort((one, other) => one - other);
}

function compare(expected: string, input: Input, bytes: Buffer, cuts: readonly number[]): Difference | undefined {
  const met = transcript(parts, input, bytes, cuts);
  return met === expected ? undefined : `other reads, other result: cut at ${cuts.join()} it is ${JSON.stringify(met)}, in one read ${JSON.stringify(expected)}`;
}

function transcript(reader: Reader, input: Input, bytes: Buffer, cuts: readonly number[]): string {
  sink.begin(input.side);
  reader.read(input, bytes, cuts, sink);
  return sink.conclude(reader);
}

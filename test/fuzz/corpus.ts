/** Inputs that reach what others do not: one a line, the methods they answer before them, in `corpus/`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Input, type Side, escaped, unescaped } from './meaning.ts';

const SIDES: readonly Side[] = ['request', 'response'];

export function readCorpus(): Input[] {
  return SIDES.flatMap((side) =>
    readFileSync(fileOf(side), 'latin1').split('\n').filter((line) => line !== '').map((line, index): Input => {
      const quote = line.indexOf('"');
      return { side, text: unescaped(line.slice(quote)), methods: line.slice(0, quote).trim().split(',').filter((method) => method !== ''), checkSeed: index };
    }),
  );
}

export function writeCorpus(inputs: readonly Input[]): void {
  for (const side of SIDES) {
    const lines = inputs.filter((input) => input.side === side).map(({ text, methods }) => `${methods.length > 0 ? `${methods.join(',')} ` : ''}${escaped(text)}\n`);
    writeFileSync(fileOf(side), lines.join(''));
  }
}

function fileOf(side: Side): URL {
  return new URL(`./corpus/${side}.txt`, import.meta.url);
}

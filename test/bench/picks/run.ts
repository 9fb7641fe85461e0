/** `npm run bench:picks`: what a pick costs, on the product's own pool. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cost } from './one.ts';
import { help, type Options, parseOptions } from './options.ts';
import { markdown, type Measured, verdicts } from './report.ts';
import { strategyNames } from './strategies.ts';

const ONE = fileURLToPath(new URL('one.ts', import.meta.url));
const RESULTS = new URL('../results/', import.meta.url);
const LIMIT_MS = 300_000;

const known = await strategyNames();
let options: Options;
try {
  options = parseOptions(process.argv.slice(2), known);
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
if (options.help) {
  console.log(help(known));
  process.exit();
}
const measured: Measured[] = [];
for (const strategy of options.strategies) {
  measured.push({ strategy, alone: await costs(strategy, 'alone'), mixed: await costs(strategy, 'mixed') });
  console.error(`${strategy}: ${measured.at(-1)!.mixed.map(({ backends, pickNs }) => `${Math.round(pickNs.median)} ns at ${backends}`).join(', ')}`);
}
const machine = `Node ${process.versions.node}, ${cpus()[0]?.model ?? 'an unnamed processor'}, ${process.platform}.`;
const text = markdown(measured, machine);
console.log(text);
if (options.save) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL('picks.md', RESULTS), text);
  writeFileSync(new URL('picks.json', RESULTS), `${JSON.stringify({ machine, verdicts: verdicts(measured), measured }, undefined, 2)}\n`);
}
process.exitCode = verdicts(measured).every(({ isMet }) => isMet) ? 0 : 1;

async function costs(strategy: string, mode: 'alone' | 'mixed'): Promise<Cost[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [ONE, strategy, mode, String(options.rounds)], { timeout: LIMIT_MS });
  return JSON.parse(stdout) as Cost[];
}

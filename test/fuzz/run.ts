/** `npm run fuzz`. */
import { Worker } from 'node:worker_threads';
import { type Kind, caseOf, checkCase } from './cases.ts';
import { checkInput } from './checks.ts';
import { guided } from './guided.ts';
import { type Input, escaped } from './meaning.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { shrink } from './shrink.ts';
import { Tally } from './tally.ts';
import type { Found, Report, Task } from './worker.ts';

/** So long no case takes. */
const HANG_MS = 20_000;
const LOOK_EVERY_MS = 1_000;
const SECONDS_OF_A_DAY = 86_400;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), Math.floor(Date.now() / 1_000) % SECONDS_OF_A_DAY);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.input) return one(options.input, () => checkInput(options.input!, new Tally()), undefined);
  if (options.number >= 0) {
    const made = caseOf(options.kinds[0]!, options.seed, options.number);
    return one(made.input, () => checkCase(made, new Tally()), undefined);
  }
  console.log(`fuzz: seed ${options.seed}, ${options.minutes} min, ${options.isGuided ? 'guided by coverage' : options.kinds.join(' ')}, against llhttp ${process.versions['llhttp']}`);
  if (options.isGuided) {
    const { found, lines } = guided(options);
    console.log(lines.join('\n'));
    return found ? show(found, '--guided') : 0;
  }
  const start = performance.now();
  const reports = await Promise.all(Array.from({ length: options.workers }, (_, index) => inThread(options, index)));
  return sum(reports, (performance.now() - start) / 1_000, options);
}

function inThread({ seed, kinds, workers, minutes }: Options, index: number): Promise<Report> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const task: Task = { seed, kinds, first: index, step: workers, millis: minutes * 60_000, progress };
  const thread = new Worker(new URL('./worker.ts', import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    let seen = -1;
    let since = performance.now();
    const watch = setInterval(() => {
      if (progress[0] !== seen) {
        seen = progress[0]!;
        since = performance.now();
      } else if (performance.now() - since > HANG_MS) {
        const kind = kinds[progress[1]! % kinds.length]!;
        const number = Math.floor(progress[1]! / kinds.length);
        resolve({ cases: seen, bytes: 0, tally: [], grownBytes: 0, found: { kind, number, difference: `hangs: for ${HANG_MS} ms`, input: caseOf(kind, seed, number).input } });
        void thread.terminate();
      }
    }, LOOK_EVERY_MS);
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => clearInterval(watch));
  });
}

function sum(reports: readonly Report[], seconds: number, options: Options): number {
  const total = new Tally();
  for (const { tally } of reports) total.add(tally);
  const cases = reports.reduce((sofar, report) => sofar + report.cases, 0);
  const bytes = reports.reduce((sofar, report) => sofar + report.bytes, 0);
  console.log(`${cases} cases, ${bytes} bytes, ${Math.round(cases / seconds)} a second; memory grew by ${reports.map((report) => `${Math.round(report.grownBytes / 1024)} KiB`).join(', ')}`);
  for (const [what, times] of [...total.counts].sort(([one], [other]) => (one < other ? -1 : 1))) console.log(`${String(times).padStart(12)}  ${what}`);
  const found = reports.find((report) => report.found)?.found;
  if (!found) {
    console.log('no difference');
    return 0;
  }
  return show(found, `--seed ${options.seed} --only ${found.kind} --case ${found.number}`);
}

function one(input: Input, check: () => string | undefined, kind: Kind | undefined): number {
  const difference = check();
  if (difference === undefined) {
    console.log(`${escaped(input.text)}\nno difference`);
    return 0;
  }
  return show({ kind: kind ?? 'requests', number: 0, ...shrink(input, difference) }, '');
}

function show({ difference, input }: Found, again: string): number {
  const literal = escaped(input.text);
  console.log(`\nDIFFERENCE  ${difference}\n  ${input.side}, ${input.text.length} bytes: ${literal}${input.methods.length > 0 ? `\n  answers to ${input.methods.join(', ')}` : ''}`);
  if (again !== '') console.log(`  the whole case:  npm run fuzz -- ${again}`);
  const methods = input.methods.length > 0 ? ` --methods ${input.methods.join(',')}` : '';
  console.log(`  these bytes:     npm run fuzz -- --side ${input.side}${methods} --input '${literal.replaceAll("'", String.raw`'\''`)}'`);
  return 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(`fuzz: ${(thrown as Error).message}`);
  process.exitCode = 1;
}

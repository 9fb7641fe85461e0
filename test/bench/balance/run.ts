/** `npm run bench:balance`: tail latency of Steelyard's strategies and of other balancers, where backends become slow and well again. `-- --help` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { asText } from '../../report/table.ts';
import { Rig } from '../rig/rig.ts';
import { toChart } from './chart.ts';
import { compare } from './compare.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { barSentence, faultsOf, possibleSentence, tailTable, toMarkdown, whyTable } from './report.ts';
import type { Report } from './summary.ts';

const RESULTS = new URL('../results/', import.meta.url);
const EXIT_USAGE = 64;

function save(report: Report): void {
  mkdirSync(RESULTS, { recursive: true });
  const rounded = JSON.stringify(report, (_key, value: unknown) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value), 1);
  // A turn on a line: what git shows of a new run can be read.
  writeFileSync(new URL('balance.json', RESULTS), `${rounded.replaceAll(/\{\s+"name"[^{}[\]]*\}/g, (turn) => turn.replaceAll(/\s+/g, ' '))}\n`);
  writeFileSync(new URL('balance.md', RESULTS), toMarkdown(report));
  writeFileSync(new URL('balance.svg', RESULTS), toChart(report));
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (thrown) {
    console.error(`bench:balance: ${(thrown as Error).message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (process.platform !== 'linux') throw new Error('it reads CPU times from /proc: run it on Linux');
  const rig = new Rig();
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
    process.once(signal, () => void rig.close().finally(() => process.exit(code)));
  }
  try {
    // After each round, so that a run that is interrupted leaves what it has.
    const report = await compare(options, rig, console.log, (sofar) => options.save && save(sofar));
    console.log(`\n${asText(tailTable(report))}\n\n${asText(whyTable(report))}\n\n  ${barSentence(report)}\n  ${possibleSentence(report)}`);
    for (const fault of faultsOf(report)) console.log(`  AT FAULT: ${fault}`);
    console.log(options.save ? '\n  written: test/bench/results/balance.md, .json, .svg' : '\n  not written to test/bench/results (--save writes it)');
    return faultsOf(report).length > 0 ? 1 : 0;
  } finally {
    await rig.close();
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(`bench:balance: ${(thrown as Error).message}`);
  process.exitCode = 1;
}

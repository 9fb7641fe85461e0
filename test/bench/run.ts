/** `npm run bench`: Steelyard beside other proxies in the same run, by CPU time and more. `npm run bench -- --help` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bench } from './bench.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { toChart } from './report/chart.ts';
import { toMarkdown } from './report/markdown.ts';
import { hasFailed, toJson, type Report } from './report/report.ts';
import { toTerminal } from './report/terminal.ts';
import { findProgram } from './rig/programs.ts';
import { Rig } from './rig/rig.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = new URL('results/', import.meta.url);
const EXIT_USAGE = 64;

function save(report: Report, folder: URL): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('latest.json', folder), toJson(report));
  writeFileSync(new URL('latest.md', folder), toMarkdown(report));
  writeFileSync(new URL('latest.svg', folder), toChart(report));
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (thrown) {
    console.error(`bench: ${(thrown as Error).message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (process.platform !== 'linux') throw new Error('it reads CPU times from /proc: run it on Linux');
  const wrk = findProgram('wrk', '-v');
  if (!wrk) throw new Error('wrk makes the load, and is not installed: apt-get install wrk');
  const rig = new Rig();
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const) {
    process.once(signal, () => void rig.close().finally(() => process.exit(code)));
  }
  try {
    const report = await bench({ options, rig, wrk, h2load: findProgram('h2load', '--version'), repository: REPOSITORY }, console.log);
    console.log(toTerminal(report));
    if (options.out !== undefined) save(report, pathToFileURL(`${options.out}/`));
    if (options.save) save(report, RESULTS);
    console.log(options.save ? '\n  written: test/bench/results/latest.md, .json, .svg' : '\n  not written to test/bench/results: less than the whole bench was run (--save writes it all the same)');
    return hasFailed(report) ? 1 : 0;
  } finally {
    await rig.close();
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(`bench: ${(thrown as Error).message}`);
  process.exitCode = 1;
}

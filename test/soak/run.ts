/** `npm run soak`: Steelyard under mixed traffic, faults and reloads, for an hour; what must be flat at its end. `npm run soak -- --help` */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HELP, parseOptions, type Options } from './options.ts';
import { toChart } from './report/chart.ts';
import { toMarkdown } from './report/markdown.ts';
import { hasFailed, toJson, type Report } from './report/report.ts';
import { soak } from './soak.ts';

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
    console.error(`soak: ${(thrown as Error).message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (process.platform !== 'linux') throw new Error('it reads /proc: run it on Linux');
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-soak-'));
  try {
    const report = await soak({ ...options, folder }, console.log);
    for (const { what, holds, told } of report.findings) console.log(`${holds ? '  holds ' : '  FAILS '} ${what}: ${told}`);
    for (const { at, kind, fate, why } of report.violations.slice(0, 10)) console.log(`  at ${at.toFixed(1)} s: ${kind}: ${fate} ${why}`);
    if (options.out !== undefined) save(report, pathToFileURL(`${options.out}/`));
    if (options.save) save(report, RESULTS);
    console.log(options.save ? '\n  written: test/soak/results/latest.md, .json, .svg' : '\n  not written to test/soak/results: less than an hour was run (--save writes it all the same)');
    return hasFailed(report) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  console.error(`soak: ${(thrown as Error).message}`);
  process.exitCode = 1;
}

/** `npm run bench`: Steelyard beside other proxies in the same run, by CPU time per request. `npm run bench -- --help` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { measure, type Sample } from './measure.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { startOrigin } from './origin.ts';
import { PEERS, STEELYARD, type Running } from './peers.ts';
import { toChart } from './report/chart.ts';
import { othersNote, toMarkdown } from './report/markdown.ts';
import { commitOf, thisMachine, toJson, type Report } from './report/report.ts';
import { summarize } from './report/summary.ts';
import { asText, proxyTable, ratioTable } from './report/tables.ts';
import { Ports } from './rig/ports.ts';
import { findProgram, type Program } from './rig/programs.ts';
import { Rig } from './rig/rig.ts';
import { SCENARIOS } from './scenarios.ts';
import { seededRandom } from './statistics.ts';
import { verify } from './verify.ts';

const PROXY_CORE = 0;
const LOAD_CORE = 1;
/** Any number: it makes the order of the proxies and the intervals repeatable. */
const SEED = 20_260_101;
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = new URL('results/', import.meta.url);
const EXIT_USAGE = 64;

async function bench(options: Options, rig: Rig, wrk: Program): Promise<Report> {
  const random = seededRandom(SEED);
  const ports = new Ports();
  const origin = await startOrigin(rig, ports, LOAD_CORE);
  const report: Report = {
    date: new Date().toISOString(), commit: commitOf(REPOSITORY), machine: thisMachine(),
    rounds: options.rounds, seconds: options.seconds, isPinned: rig.isPinning, programs: [], missing: [], scenarios: [],
  };
  const proxies = new Map<string, Running>();
  for (const contender of [STEELYARD, ...PEERS.filter(({ name }) => options.peers.includes(name))]) {
    const { name, install } = contender;
    const version = contender.version();
    if (version === undefined) {
      report.missing.push({ name, install });
      console.log(`  ${name.padEnd(14)} missing: ${install}`);
      continue;
    }
    const running = await contender.start({ rig, ports, origin, core: PROXY_CORE });
    await verify(name, running.port, origin);
    proxies.set(name, running);
    report.programs.push({ name, version, note: running.note ?? '' });
    console.log(`  ${name.padEnd(14)} ${version}, ${running.note ?? ''}: answers as expected`);
  }
  report.programs.push({ name: 'wrk', version: wrk.version, note: 'the load: one thread' }, { name: 'the origin', version: '', note: origin.description });
  for (const scenario of SCENARIOS.filter(({ name }) => options.scenarios.includes(name))) {
    console.log(`\n${scenario.name}: ${scenario.title}; ${options.rounds} rounds of ${options.seconds} s for each of ${proxies.size}`);
    const samples = await measure({
      scenario, proxies, tools: { rig, wrk, core: LOAD_CORE }, core: PROXY_CORE, rounds: options.rounds, seconds: options.seconds, random, onSample: progress(options.rounds),
    });
    report.scenarios.push(summarize(scenario, samples, [...proxies.keys()], random));
  }
  return report;
}

function progress(rounds: number): (sample: Sample) => void {
  return ({ round, name, cpuUs, perSecond }) => console.log(`  ${String(round).padStart(3)}/${rounds}  ${name.padEnd(14)} ${cpuUs.toFixed(1).padStart(7)} µs/request ${Math.round(perSecond).toLocaleString('en').padStart(9)} requests/s`);
}

function show(report: Report): void {
  for (const scenario of report.scenarios) {
    const parts = [`${scenario.name}: ${scenario.title}`, asText(proxyTable(scenario)), scenario.ratios.length > 0 ? asText(ratioTable(scenario)) : '', `  ${othersNote(scenario.others)}`];
    console.log(`\n${parts.filter((part) => part.trim() !== '').join('\n\n')}`);
  }
  for (const { name, install } of report.missing) console.log(`\n  not compared, it is not installed: ${name} (${install})`);
}

function save(report: Report): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL('latest.json', RESULTS), toJson(report));
  writeFileSync(new URL('latest.md', RESULTS), toMarkdown(report));
  writeFileSync(new URL('latest.svg', RESULTS), toChart(report));
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
    const report = await bench(options, rig, wrk);
    show(report);
    if (options.save) save(report);
    console.log(options.save ? '\n  written: test/bench/results/latest.md, .json, .svg' : '\n  not written to test/bench/results: less than the whole bench was run (--save writes it all the same)');
    return report.scenarios.some(({ proxies }) => proxies.some(({ failures }) => failures > 0)) ? 1 : 0;
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

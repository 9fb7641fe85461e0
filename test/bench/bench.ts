/** The whole bench: for each scenario its contenders are started, verified, measured, and ended. */
import { STEELYARD, type Contender, type Running } from './contenders.ts';
import { measure, type Sample } from './measure.ts';
import type { Options } from './options.ts';
import { startOrigin } from './origin.ts';
import { commitOf, thisMachine } from '../report/machine.ts';
import type { Report } from './report/report.ts';
import { summarize } from './report/summary.ts';
import { Ports } from './rig/ports.ts';
import type { Program } from './rig/programs.ts';
import type { Rig } from './rig/rig.ts';
import { SCENARIOS, type Scenario, type Workbench } from './scenarios.ts';
import { seededRandom } from './statistics.ts';
import { verify } from './verify.ts';

const PROXY_CORE = 0;
const LOAD_CORE = 1;
/** Any number: it makes the order of the proxies and the intervals repeatable. */
const SEED = 20_260_101;

export interface Setting {
  options: Options;
  rig: Rig;
  wrk: Program;
  h2load: Program | undefined;
  repository: string;
}

/** What is told while it goes on: a line at a time. */
export async function bench({ options, rig, wrk, h2load, repository }: Setting, say: (line: string) => void): Promise<Report> {
  const random = seededRandom(SEED);
  const ports = new Ports();
  const origin = await startOrigin(rig, ports, LOAD_CORE);
  const workbench: Workbench = { rig, wrk, h2load, core: LOAD_CORE, origin };
  const report: Report = {
    date: new Date().toISOString(), commit: commitOf(repository), machine: thisMachine(), rounds: options.rounds, isPinned: rig.isPinning,
    programs: [], missing: [], scenarios: [], skipped: [], faults: [],
  };
  note(report, STEELYARD);
  for (const scenario of SCENARIOS.filter(({ name }) => options.scenarios.includes(name))) {
    const obstacle = scenario.obstacle?.();
    if (obstacle !== undefined) {
      report.skipped.push({ name: scenario.name, title: scenario.title, reason: obstacle });
      say(`\n${scenario.name}: left out: ${obstacle}`);
      continue;
    }
    try {
      await benchOne(scenario);
    } catch (thrown) {
      report.faults.push(`${scenario.name}: ${(thrown as Error).message}`);
      say(`\n${scenario.name}: failed: ${(thrown as Error).message}`);
    }
  }
  const others = [{ name: 'wrk', version: wrk.version, note: 'load: one thread' }, ...(h2load ? [{ name: 'h2load', version: h2load.version, note: 'load: one thread' }] : [])];
  report.programs.push(...others, { name: 'the origin', version: '', note: origin.description });
  return report;

  async function benchOne(scenario: Scenario): Promise<void> {
    const rounds = Math.min(options.rounds, scenario.mostRounds ?? Infinity);
    const seconds = options.seconds ?? scenario.seconds;
    const core = scenario.cores === 'all' || !rig.isPinning ? undefined : PROXY_CORE;
    const backends = origin[scenario.origin];
    say(`\n${scenario.name}: ${scenario.title}; ${rounds} rounds of ${seconds} s each`);
    const contenders = new Map<string, Contender>();
    const proxies = new Map<string, Running>();
    const drop = async (name: string, reason: string): Promise<void> => {
      const running = proxies.get(name);
      proxies.delete(name);
      if (running) await rig.end(running.pid);
      report.faults.push(`${scenario.name}: ${reason}`);
      say(`  ${name.padEnd(16)} not measured: ${reason}`);
    };
    const start = (contender: Contender): Promise<Running> => contender.start({ rig, ports, origin: backends, core });
    try {
      for (const contender of scenario.contenders.filter(({ peer }) => peer === undefined || options.peers.includes(peer))) {
        const { name } = contender;
        if (!note(report, contender)) {
          say(`  ${name.padEnd(16)} missing: ${contender.install}`);
          continue;
        }
        const running = await start(contender);
        proxies.set(name, running);
        try {
          await verify(name, running.port, backends, scenario.checks);
          contenders.set(name, contender);
        } catch (thrown) {
          // Without the subject of the ratios there is nothing to measure; without one peer there is.
          if (contender === scenario.contenders[0]) throw thrown;
          await drop(name, (thrown as Error).message);
        }
      }
      const restart = async (name: string): Promise<Running> => {
        await rig.end(proxies.get(name)!.pid);
        return start(contenders.get(name)!);
      };
      const { samples, perSecond } = await measure({ scenario, proxies, bench: workbench, core, rounds, seconds, random, restart, onDropped: drop, onSample: progress(scenario, rounds, say) });
      report.scenarios.push(summarize(scenario, { samples, rounds, seconds, perSecond }, [...proxies.keys()], random));
    } finally {
      for (const { pid } of proxies.values()) await rig.end(pid);
    }
  }
}

/** Puts a contender's program into the report, once. @returns false = it is not installed */
function note(report: Report, { name, peer, version, install, note: remark }: Contender): boolean {
  const found = version();
  const program = peer ?? 'steelyard';
  const list: { name: string; install: string }[] = report.missing;
  if (found === undefined) {
    if (!list.some((one) => one.install === install)) list.push({ name: install.includes('stream') ? `${name} as a TCP relay` : name, install });
  } else if (!report.programs.some((one) => one.name === program)) report.programs.push({ name: program, version: found, note: remark });
  return found !== undefined;
}

function progress({ metric }: Scenario, rounds: number, say: (line: string) => void): (sample: Sample) => void {
  return ({ round, name, cost, userShare, perSecond, failures, complaint }) => {
    const split = metric.ofCpuTime ? ` (${(cost * userShare).toFixed(metric.digits)} + ${(cost * (1 - userShare)).toFixed(metric.digits)})` : '';
    const failed = failures > 0 ? `, ${failures} FAILURES (${complaint ?? 'of connections'})` : '';
    say(`  ${String(round).padStart(3)}/${rounds}  ${name.padEnd(16)} ${cost.toFixed(metric.digits).padStart(8)} ${metric.label}${split} ${Math.round(perSecond).toLocaleString('en').padStart(9)} requests/s${failed}`);
  };
}

/** The whole comparison: backends and balancers are started, and in each round every balancer has its turn, in random order, with the round's schedule. */
import { fileURLToPath } from 'node:url';
import { commitOf, thisMachine } from '../../report/machine.ts';
import { busyNsOfCore, cpuTimeBetween, cpuTimeOf } from '../rig/cpu-time.ts';
import { Ports } from '../rig/ports.ts';
import type { Rig } from '../rig/rig.ts';
import { seededRandom, shuffled } from '../statistics.ts';
import { BALANCERS, type Balancer } from './balancers.ts';
import { monotonicMs } from './clock.ts';
import { openLanes, run, type Load } from './generator.ts';
import type { Options } from './options.ts';
import { arrivalsOf } from './schedule.ts';
import { BACKENDS } from './setting.ts';
import { simulateAll } from './simulate.ts';
import { summarize, type Report, type Turn } from './summary.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
/** Between the backends' being told of a turn and its beginning. */
const LEAD_MS = 300;

/** @param told is given the report of what there is, after each round */
export async function compare(options: Options, rig: Rig, say: (line: string) => void, told: (report: Report) => void = () => {}): Promise<Report> {
  const { rounds, seconds, warmUpSeconds, seed, only } = options;
  const simulated = await simulateAll(options);
  const ports = new Ports();
  const backends = await startBackends(rig, ports);
  const taking: { balancer: Balancer; port: number }[] = [];
  const programs = new Set<string>();
  const missing: string[] = [];
  for (const balancer of BALANCERS.filter(({ name }) => only.includes(name))) {
    const program = balancer.program();
    if (program === undefined) {
      missing.push(`${balancer.name} (${balancer.install})`);
      continue;
    }
    programs.add(program);
    taking.push({ balancer, port: await balancer.start({ rig, ports, backends }) });
  }
  const turns: Turn[] = [];
  const reportOf = (roundsDone: number): Report => ({
    date: new Date().toISOString(), commit: commitOf(REPOSITORY), machine: thisMachine(), rounds: roundsDone, plannedRounds: rounds, seconds, seed, programs: [...programs],
    missing, simulated, ...summarize(turns, taking.map(({ balancer }) => balancer), seed),
  });
  const random = seededRandom(seed);
  for (let round = 1; round <= rounds; round++) {
    const schedule = { seed: seed + round, seconds: warmUpSeconds + seconds };
    const due = arrivalsOf(schedule.seed, schedule.seconds);
    const firstCounted = due.findIndex((at) => at >= warmUpSeconds * 1e3);
    for (const { balancer, port } of shuffled(taking, random)) {
      const turn = await takeTurn(balancer, port, round, backends, schedule.seed, due, firstCounted);
      turns.push(turn);
      say(lineOf(turn, rounds));
    }
    told(reportOf(round));
  }
  return reportOf(rounds);
}

async function startBackends(rig: Rig, ports: Ports): Promise<number[]> {
  const file = fileURLToPath(new URL('backend.ts', import.meta.url));
  const given: number[] = [];
  for (let index = 0; index < BACKENDS; index++) given.push(await ports.next());
  await Promise.all(given.map((port, index) => rig.start({
    name: `backend-${index}`, command: process.execPath, args: [file], env: { BALANCE_PORT: String(port), BALANCE_INDEX: String(index) }, core: undefined, port,
  })));
  return given;
}

async function takeTurn({ name, hasHints }: Balancer, port: number, round: number, backends: readonly number[], seed: number, due: Float64Array, firstCounted: number): Promise<Turn> {
  const lanes = await openLanes(port);
  const startMs = monotonicMs() + LEAD_MS;
  await Promise.all(backends.map(async (backend) => {
    const response = await fetch(`http://127.0.0.1:${backend}/turn?seed=${seed}&startMs=${startMs}&hints=${hasHints ? 1 : 0}`);
    if (!response.ok) throw new Error(`a backend on port ${backend} answers ${response.status} when it is told of a new turn`);
    await response.text();
  }));
  const before = { own: cpuTimeOf(process.pid), machineNs: busyNs(), atMs: monotonicMs() };
  const load = await run(lanes, due, startMs);
  const after = { own: cpuTimeOf(process.pid), machineNs: busyNs(), atMs: monotonicMs() };
  const machineNs = (after.atMs - before.atMs) * 1e6 * thisMachine().cores;
  return {
    name, round, load: withoutWarmUp(load, firstCounted),
    cpuShare: cpuTimeBetween(before.own, after.own).totalNs / machineNs,
    machineShare: (after.machineNs - before.machineNs) / machineNs,
  };
}

/** Errors of the warm-up count: they are errors. */
function withoutWarmUp(load: Load, firstCounted: number): Load {
  return { ...load, answers: load.answers.filter(({ request }) => request >= firstCounted), lagsMs: load.lagsMs.slice(firstCounted) };
}

function busyNs(): number {
  return Array.from({ length: thisMachine().cores }, (_, core) => busyNsOfCore(core)).reduce((sum, ns) => sum + ns, 0);
}

function lineOf({ name, round, load, cpuShare, machineShare }: Turn, rounds: number): string {
  const sorted = load.answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.ceil(sorted.length * share) - 1] ?? NaN).toFixed(1).padStart(7);
  const waits = load.waits > 0 ? `, ${load.waits} waited for a connection` : '';
  const errors = load.errors > 0 ? `, ${load.errors} ERRORS (${load.complaints.join('; ')})` : '';
  return `  ${String(round).padStart(3)}/${rounds}  ${name.padEnd(18)} p50 ${at(0.5)}  p99 ${at(0.99)}  p99.9 ${at(0.999)} ms   CPU ${percent(cpuShare)}, machine ${percent(machineShare)}${waits}${errors}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

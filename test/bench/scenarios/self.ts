/** Steelyard against itself. */
import { availableParallelism } from 'node:os';
import { refusalOfWorkers, STEELYARD, steelyard } from '../contenders.ts';
import { runWrk } from '../load/wrk.ts';
import { CPU_PER_REQUEST, THROUGHPUT } from '../metrics.ts';
import type { Scenario } from '../scenarios.ts';
import { passesHeaders } from '../verify.ts';

/** As many connections as keep several workers busy, however the kernel deals them out. */
const CONNECTIONS_FOR_WORKERS = 256;
const cores = availableParallelism();
/** The load and the origin want about as much as the proxy: half of the cores is theirs, where there are enough. */
const hasCoresForLoad = cores >= 4;
const workers = hasCoresForLoad ? cores >> 1 : cores;

const workersScenario = (name: string, title: string, metric: Scenario['metric']): Scenario => ({
  name, title, metric,
  contenders: [steelyard(`${workers} workers`, 'steelyard.config.ts', { workers }), steelyard('one worker', 'steelyard.config.ts', { workers: 1 })],
  origin: 'pages', checks: [passesHeaders], seconds: 3, cores: 'all',
  note: () => (hasCoresForLoad
    ? `${workers} workers on a machine of ${cores} cores; only the origin is pinned.`
    : `This machine has ${cores} cores, and the load and the origin need them too: throughput cannot double here. Only the origin is pinned. CPU time per request of all workers against that of one says what the threads cost each other.`),
  obstacle: () => (cores < 2 ? 'this machine has one core' : refusalOfWorkers(workers)),
  async run(bench, { port }, seconds) {
    const load = await runWrk({ ...bench, core: undefined }, port, seconds, { path: '/', connections: CONNECTIONS_FOR_WORKERS });
    return { ...load, cost: load.requests / load.seconds };
  },
});

export const SELF_SCENARIOS: readonly Scenario[] = [
  {
    name: 'ten-plugins', title: 'the same Steelyard with ten plugins more: four taps each, one header read and one set', metric: CPU_PER_REQUEST,
    contenders: [steelyard('with ten plugins', 'steelyard-ten-plugins.config.ts'), STEELYARD], origin: 'pages', checks: [passesHeaders], seconds: 2,
    run: (bench, { port }, seconds) => runWrk(bench, port, seconds, { path: '/', connections: 64 }),
  },
  workersScenario('workers', `${workers} workers against one: requests per second, GET, 21-byte body, ${CONNECTIONS_FOR_WORKERS} connections`, THROUGHPUT),
  workersScenario('workers-cpu', `${workers} workers against one: CPU time per request, GET, 21-byte body, ${CONNECTIONS_FOR_WORKERS} connections`, CPU_PER_REQUEST),
];

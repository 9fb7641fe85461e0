/** TCP relays: HTTP is only what the load happens to speak; no proxy looks at it. */
import { steelyard, TCP_PEERS } from '../contenders.ts';
import { runWrk } from '../load/wrk.ts';
import { CPU_PER_MIB, CPU_PER_REQUEST } from '../metrics.ts';
import type { Scenario } from '../scenarios.ts';
import { getsPage, getsSmall } from '../verify.ts';

const contenders = [steelyard('steelyard', 'steelyard-tcp.config.ts'), ...TCP_PEERS];

export const TCP_SCENARIOS: readonly Scenario[] = [
  {
    name: 'tcp-round-trips', title: 'TCP relay: a small request and its answer, 64 connections', metric: CPU_PER_REQUEST, contenders, origin: 'pages', checks: [getsSmall], seconds: 2,
    run: (bench, { port }, seconds) => runWrk(bench, port, seconds, { path: '/', connections: 64 }),
  },
  {
    name: 'tcp-bulk', title: 'TCP relay: 1 MiB a time from the backend, 16 connections', metric: CPU_PER_MIB, contenders, origin: 'pages', checks: [getsPage('1m')], seconds: 2,
    run: (bench, { port }, seconds) => runWrk(bench, port, seconds, { path: '/1m', connections: 16 }),
  },
];

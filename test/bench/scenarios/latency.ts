/** The tail at a load that leaves room: an open loop, so that a slow answer does not keep the next request from being sent. */
import { httpPeers, STEELYARD } from '../contenders.ts';
import { runOpenLoop } from '../load/open-loop.ts';
import { runWrk } from '../load/wrk.ts';
import { P99 } from '../metrics.ts';
import type { Scenario } from '../scenarios.ts';
import { median } from '../statistics.ts';
import { passesHeaders } from '../verify.ts';

const CONNECTIONS = 64;
const SHARE_OF_SATURATION = 0.5;
/** Whose saturation counts: the slower of the two. */
const MEASURES = ['steelyard', 'nginx'];
const CALIBRATION_ROUNDS = 3;
const CALIBRATION_SECONDS = 2;

export const LATENCY_SCENARIOS: readonly Scenario[] = [
  {
    name: 'half-load', title: '99th percentile of the latency at half the saturation of the slower of Steelyard and nginx',
    metric: P99, contenders: [STEELYARD, ...httpPeers(true).filter(({ name }) => name === 'nginx' || name === 'haproxy')], origin: 'pages', checks: [passesHeaders], seconds: 3,
    note: () => 'Requests are sent at a fixed rate, whatever the answers do (an open loop, by test/bench/load/open-loop-client.ts), and a latency counts from when its request was due, not from when it was sent. The first half second does not count.',
    async calibrate(bench, proxies) {
      const saturations: number[] = [];
      for (const [name, { port }] of proxies) {
        if (!MEASURES.includes(name)) continue;
        const rates: number[] = [];
        for (let round = 0; round < CALIBRATION_ROUNDS; round++) {
          const { requests, seconds } = await runWrk(bench, port, CALIBRATION_SECONDS, { path: '/', connections: CONNECTIONS });
          rates.push(requests / seconds);
        }
        saturations.push(median(rates));
      }
      return Math.round(Math.min(...saturations) * SHARE_OF_SATURATION);
    },
    async run(bench, { port }, seconds, perSecond) {
      const load = await runOpenLoop(bench, port, { path: '/', connections: CONNECTIONS, perSecond, seconds });
      return { ...load, cost: load.p99Us! };
    },
  },
];

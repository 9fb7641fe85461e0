/** Steelyard as `steelyard init` leaves it, but for the addresses: every plugin and every check is on. */
import { defineConfig } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';

const { BENCH_PORT: port = '', BENCH_METRICS_PORT: metricsPort = '', BENCH_ORIGIN_PORTS: originPorts = '' } = process.env;

export default defineConfig({
  // By itself it counts two descriptors for each connection, and 10,000 idle ones are asked of every proxy.
  maxConnections: 16_384,
  listeners: [{ port: Number(port), host: '127.0.0.1' }],
  pools: {
    web: {
      backends: originPorts.split(',').map((originPort) => `http://127.0.0.1:${originPort}`),
      strategy: roundRobin(),
      health: [httpCheck({ path: '/' }), passiveCheck()],
    },
  },
  routes: [{ pool: 'web' }],
  plugins: [prometheus({ port: Number(metricsPort) })],
});

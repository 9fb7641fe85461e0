/** Steelyard as a TCP relay. */
import { defineConfig } from '@steelyard/sdk';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';
import passiveCheck from '@steelyard/plugins/passive-check';
import tcpCheck from '@steelyard/plugins/tcp-check';

const { BENCH_PORT: port = '', BENCH_METRICS_PORT: metricsPort = '', BENCH_ORIGIN_PORTS: originPorts = '' } = process.env;

export default defineConfig({
  listeners: [{ protocol: 'tcp', port: Number(port), host: '127.0.0.1', pool: 'origin' }],
  pools: {
    origin: {
      protocol: 'tcp',
      backends: originPorts.split(',').map((originPort) => `tcp://127.0.0.1:${originPort}`),
      strategy: roundRobin(),
      health: [tcpCheck(), passiveCheck()],
    },
  },
  plugins: [prometheus({ port: Number(metricsPort) })],
});

/** Steelyard with the strategy to be measured. No health checks: they would take the same slow backends out of the comparison, or find nothing. */
import { defineConfig } from '@steelyard/sdk';
import leastConnections from '@steelyard/plugins/least-connections';
import p2c from '@steelyard/plugins/p2c';
import peakEwma from '@steelyard/plugins/peak-ewma';
import prequal from '@steelyard/plugins/prequal';

const { BALANCE_PORT: port = '', BALANCE_STRATEGY: name = '', BALANCE_BACKENDS: backendPorts = '' } = process.env;

const strategies = {
  // The paper's three probes a request, at 240 requests per second: the default limit of 200 a second would admit fewer.
  prequal: () => prequal({ probePath: '/load', probesPerSecond: 1_000 }),
  'prequal-hints': () => prequal(),
  'peak-ewma': () => peakEwma(),
  // All of them looked at, and a peak forgotten within the time that an antagonist stays.
  'peak-ewma-8': () => peakEwma({ choices: 8, decayMs: 1_000 }),
  p2c: () => p2c(),
  'least-connections': () => leastConnections(),
};

export default defineConfig({
  listeners: [{ port: Number(port), host: '127.0.0.1', pool: 'all' }],
  pools: {
    all: {
      backends: backendPorts.split(',').map((backendPort) => `http://127.0.0.1:${backendPort}`),
      strategy: strategies[name as keyof typeof strategies](),
    },
  },
});

/** Steelyard with the strategy to be measured. No health checks: they would take the same slow backends out of the comparison, or find nothing. */
import { defineConfig } from '@steelyard/sdk';
import { STRATEGIES } from './strategies.ts';

const { BALANCE_PORT: port = '', BALANCE_STRATEGY: name = '', BALANCE_BACKENDS: backendPorts = '' } = process.env;

export default defineConfig({
  listeners: [{ port: Number(port), host: '127.0.0.1', pool: 'all' }],
  pools: {
    all: {
      backends: backendPorts.split(',').map((backendPort) => `http://127.0.0.1:${backendPort}`),
      strategy: STRATEGIES[name as keyof typeof STRATEGIES](),
    },
  },
});

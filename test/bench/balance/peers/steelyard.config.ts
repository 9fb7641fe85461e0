/** Steelyard with the strategy to be measured. No health checks: they would take the same slow backends out of the comparison, or find nothing. */
import { defineConfig } from '@steelyard/sdk';
import { STRATEGIES } from './strategies.ts';

const { BALANCE_PORT: port = '', BALANCE_STRATEGY: name = '', BALANCE_BACKENDS: backendPorts = '' } = process.env;

/** As the others are told, too. */
const KEEP_MS = 75_000;

export default defineConfig({
  // The generator opens more connections than it uses at most times. By default one without a first request is closed after 10 s, and to backends after 4 s of idleness.
  listeners: [{ port: Number(port), host: '127.0.0.1', pool: 'all', timeouts: { headMs: KEEP_MS, idleMs: KEEP_MS } }],
  pools: {
    all: {
      backends: backendPorts.split(',').map((backendPort) => `http://127.0.0.1:${backendPort}`),
      timeouts: { idleMs: KEEP_MS },
      strategy: STRATEGIES[name as keyof typeof STRATEGIES](),
    },
  },
});

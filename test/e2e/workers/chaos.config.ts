/** The config of the chaos with workers; `CHAOS` in the environment says which backends, and which of its reloads this is. */
import { defineConfig, definePlugin } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import leastConnections from '@steelyard/plugins/least-connections';
import passiveCheck from '@steelyard/plugins/passive-check';
import roundRobin from '@steelyard/plugins/round-robin';

export interface Chaos {
  urls: readonly string[];
  round: number;
}

const { urls, round } = JSON.parse(process.env.CHAOS ?? '{"urls":[],"round":0}') as Chaos;

/** Ends the worker that hears it. */
const grave = definePlugin<{}>({
  name: 'grave', options: {},
  setup: (_options, host) => host.hooks.onRequest.tap(({ request }) => {
    if (request.path === '/die') process.exit(9);
  }),
});

export default defineConfig({
  workers: 2,
  log: { level: 'info' },
  listeners: [{ name: 'chaos', port: 0, host: '127.0.0.1' }],
  pools: {
    web: {
      backends: urls.map((url, index) => ({ url, weight: 1 + ((round + index) % 3) })),
      strategy: round % 2 === 0 ? roundRobin() : leastConnections(),
      health: [httpCheck({ path: '/healthz', intervalMs: 50, timeoutMs: 200, rise: 2, fall: 2 }), passiveCheck({ failures: 3, ejectMs: 500 })],
      // Longer than a healthy process waits for its turn on a loaded machine.
      timeouts: { responseMs: 1_000, connectMs: 1_000 },
      retry: { attempts: 3, replays: 2 },
    },
  },
  routes: [{ pool: 'web' }],
  plugins: [grave()],
});

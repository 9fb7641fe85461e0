/** A config whose backends and first health result are in the hands of the test, which is in the same thread. */
import { defineConfig, defineDiscovery, defineHealthCheck } from '@steelyard/sdk';

export interface Drive {
  backends: readonly string[];
  /** Of each config loaded, the newest last. */
  updates: ((backends: readonly string[]) => void)[];
  /** The first results of checks wait for it. */
  warmUp: Promise<void> | undefined;
  port: number;
}

const drive = (): Drive => (globalThis as unknown as { steelyardDrive: Drive }).steelyardDrive;

const driven = defineDiscovery<{}>({
  name: 'driven', options: {},
  watch(update) {
    drive().updates.push((backends) => update([...backends]));
    update([...drive().backends]);
  },
});

const gate = defineHealthCheck<{}>({
  name: 'gate', options: {},
  create: () => ({ schedule: { intervalMs: 60_000, jitter: 0, timeoutMs: 60_000, rise: 1, fall: 1 }, probe: async () => { await drive().warmUp; } }),
});

export default defineConfig({
  stallLimitMs: 600_000,
  listeners: [{ name: 'web', port: drive().port, host: '127.0.0.1' }],
  pools: { web: { backends: driven(), ...(drive().warmUp ? { health: gate() } : {}) } },
  routes: [{ pool: 'web' }],
});

/** The config that the soak runs: every kind of plugin, several pools, and as the site file says what comes and goes. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { defineConfig, defineDiscovery, definePlugin, type StrategyUse } from '@steelyard/sdk';
import accessLog from '@steelyard/plugins/access-log';
import httpCheck from '@steelyard/plugins/http-check';
import leastConnections from '@steelyard/plugins/least-connections';
import p2c from '@steelyard/plugins/p2c';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';
import tcpCheck from '@steelyard/plugins/tcp-check';
import type { Site } from './site.ts';

const site = JSON.parse(readFileSync(process.env['SOAK_SITE'] ?? '', 'utf8')) as Site;
const { backends, breakage } = site;
if (breakage === 'throws') throw new Error('the soak broke this config');

const fromFile = defineDiscovery<{ path: string }>({
  name: 'from-file',
  options: { path: { type: 'string' } },
  async watch(update, _signal, { path }, host) {
    const read = async (): Promise<void> => update((await readFile(path, 'utf8')).split('\n').filter(Boolean));
    await read();
    host.every(500, read);
  },
});

/** Ends the worker that the request is in: at once, or by an exception that nobody catches. */
const crash = definePlugin<{}>({
  name: 'crash', options: {},
  setup(_options, host) {
    host.hooks.onRequest.tap(({ request: { path } }) => {
      if (path === '/crash/exit') process.exit(9);
      if (path === '/crash/throw') setTimeout(() => { throw new Error('thrown by crash'); });
      return undefined;
    });
  },
});

/** Opens what a plugin may open, and then fails: all that must be closed again. */
const breaks = definePlugin<{}>({
  name: 'breaks', options: {},
  async setup(_options, host) {
    host.every(10, () => {});
    host.after(60_000, () => {});
    host.counter('breaks_total', { help: 'Never.' });
    await host.shared('a buffer', () => Promise.resolve(Buffer.alloc(100_000)), () => {});
    throw new Error('the soak broke this plugin');
  },
});

/** Longer than a busy machine keeps a healthy process waiting. */
const PATIENT = { connectMs: 10_000, responseMs: 20_000, bodyMs: 20_000, idleMs: 1_000 };
const strategy = (): StrategyUse<'any', 'load'> => (site.strategy === 'p2c' ? p2c() : roundRobin());
const check = (): ReturnType<typeof httpCheck> => httpCheck({ path: '/healthz', intervalMs: 500, timeoutMs: 2_000, rise: 1, fall: 2 });

export default defineConfig({
  drainLimitMs: 3_000,
  // Collecting garbage as thoroughly as the soak does holds a thread up for a second, on a busy machine for several.
  stallLimitMs: 60_000,
  listeners: [
    { name: 'web', port: site.port, host: '127.0.0.1' },
    {
      name: 'strict', port: site.strictPort, host: '127.0.0.1',
      limits: { maxHeadBytes: 8_192, maxTargetBytes: 2_048, maxHeaders: 50, maxBodyBytes: 100_000 },
      timeouts: { headMs: 600, bodyMs: 600, writeMs: 600, idleMs: 600, tunnelMs: 600 },
    },
    { name: 'tcp', protocol: 'tcp', port: site.tcpPort, host: '127.0.0.1', pool: 'tcp' },
    ...(site.extra === undefined ? [] : [{ ...site.extra, host: '127.0.0.1' }]),
    ...(breakage === 'port in use' ? [{ name: 'taken', port: site.takenPort, host: '127.0.0.1' }] : []),
  ],
  pools: {
    steady: { backends: backends.steady, strategy: strategy(), health: [check(), passiveCheck()], timeouts: PATIENT },
    churn: { backends: backends.churn, strategy: leastConnections(), health: [check()], timeouts: PATIENT },
    found: { backends: fromFile({ path: site.discoveryFile }), strategy: strategy(), health: passiveCheck(), timeouts: PATIENT },
    faulty: {
      backends: backends.faulty, strategy: strategy(), health: passiveCheck({ failures: 20, ejectMs: 200, maxEjectMs: 200 }),
      timeouts: { connectMs: 400, responseMs: 400, bodyMs: 400, idleMs: 1_000 },
    },
    mortal: {
      backends: backends.mortal, strategy: strategy(), timeouts: { ...PATIENT, responseMs: 3_000 },
      health: [httpCheck({ path: '/healthz', intervalMs: 200, timeoutMs: 500, rise: 1, fall: 2 }), passiveCheck({ failures: 3, ejectMs: 500, maxEjectMs: 500 })],
    },
    tcp: { protocol: 'tcp', backends: backends.tcp, strategy: p2c(), health: tcpCheck({ intervalMs: 500 }), timeouts: { idleMs: 1_000 } },
    [site.passingName]: { backends: backends.steady, strategy: strategy(), timeouts: PATIENT },
  },
  routes: [
    { match: { path: '/churn/*' }, pool: 'churn' },
    { match: { path: '/found/*' }, pool: 'found' },
    { match: { path: '/faulty/*' }, pool: 'faulty' },
    { match: { path: '/mortal/*' }, pool: 'mortal' },
    { match: { path: '/passing/*' }, pool: site.passingName },
    { pool: breakage === 'unknown pool' ? 'not-there' : 'steady' },
  ],
  plugins: [
    prometheus({ port: site.metricsPort }),
    accessLog({ destination: site.accessLog, format: 'json' }),
    site.mayCrash && crash(),
    breakage === 'plugin' && breaks(),
  ],
});

/** The config of the tests of worker threads. Functions do not cross threads, so each thread loads this file; the environment tells it what is wanted. */
import { threadId } from 'node:worker_threads';
import { defineConfig, defineDiscovery, definePlugin, type BackendSpec, type Config, type ConnectionLimits } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import leastConnections from '@steelyard/plugins/least-connections';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';

/** What a test wants, as JSON in `WORKERS_TEST`. */
export interface Wanted {
  backends: Config['pools'][string]['backends'];
  /** A path that is in every answer as a header, to tell generations apart. */
  mark?: string;
  stallLimitMs?: number;
  drainLimitMs?: number;
  failures?: number;
  ejectMs?: number;
  metrics?: boolean;
  /** The set-up of the plugin fails: everywhere, or only in threads that are not the first worker. */
  fails?: 'everywhere' | 'later' | 'by looping' | 'in main';
  /** The config differs from thread to thread. */
  differs?: boolean;
  /** Backend of the tcp listener. */
  tcp?: string;
  /** The members come from `globalThis.discovered` of the main thread, where the test is. */
  discovers?: boolean;
  /** Checked every 20 ms, at /healthz. */
  checks?: boolean;
  /** Of the http listener. Default 0. */
  port?: number;
  strategy?: 'round-robin';
  /** Of the http listener, and of all. */
  limits?: ConnectionLimits;
  maxConnections?: number;
}

/** What the test and the discovery, both in the main thread, share. */
export interface Discovered {
  list: Config['pools'][string]['backends'];
  update?: (list: (string | BackendSpec)[]) => void;
}

const wanted = JSON.parse(process.env.WORKERS_TEST ?? '{"backends":[]}') as Wanted;
const isSecond = (): boolean => Number(process.env.FIRST_WORKER ?? threadId) !== threadId;

/** Tells in which worker an exchange was, and does what a bad plugin does when it is asked to. */
const behave = definePlugin<{}>({
  name: 'behave', options: {},
  setup(_options, host) {
    if (wanted.fails === 'everywhere') throw new Error('this plugin fails in every worker');
    process.env.FIRST_WORKER ??= String(threadId);
    if (wanted.fails === 'later' && isSecond()) throw new Error('this plugin fails in the second worker');
    if (wanted.fails === 'by looping') for (;;);
    const seen = host.counter('behave_seen_total', { help: 'Requests seen.' });
    host.hooks.onRequest.tap((exchange) => {
      seen.add();
      const { path } = exchange.request;
      if (path === '/spin') {
        host.log.info('about to spin');
        for (;;);
      }
      if (path === '/exit') process.exit(3);
      if (path === '/throw') setTimeout(() => { throw new Error('thrown by behave'); });
      if (path === '/eat') for (const eaten: number[][] = []; ; eaten.push(Array.from({ length: 100_000 }, Math.random)));
      if (path === '/chatter') for (let line = 0; line < 100; line++) host.log.info({ line, filling: 'x'.repeat(line * 30) }, 'chatter');
      if (path === '/reject') void Promise.reject(new Error('rejected by behave'));
    });
    host.hooks.onResponseHead.tap((_exchange, head) => {
      head.setHeader('x-worker', String(threadId));
      head.setHeader('x-mark', wanted.mark ?? '');
    });
    host.hooks.onHealthChange.tap(({ backend, to }) => host.log.info({ heard: to, backend: backend.id }, 'behave heard a flip'));
  },
});

/** The same, once. */
const listener = definePlugin<{}>({
  name: 'main-listener', options: {}, runs: 'main',
  setup(_options, host) {
    if (wanted.fails === 'in main') throw new Error('this plugin fails in main');
    host.hooks.onHealthChange.tap(({ backend, to }) => host.log.info({ heard: to, backend: backend.id }, 'main heard a flip'));
  },
});

const discovered = defineDiscovery<{}>({
  name: 'discovered', options: {},
  watch(update) {
    const shared = (globalThis as unknown as { discovered: Discovered }).discovered;
    shared.update = update;
    update(shared.list as string[]);
  },
});

export default defineConfig({
  workers: 2,
  stallLimitMs: wanted.stallLimitMs ?? 5_000,
  drainLimitMs: wanted.drainLimitMs ?? 5_000,
  log: { level: 'info' },
  maxConnections: wanted.maxConnections ?? 10_000,
  listeners: [
    { name: 'web', port: wanted.port ?? 0, host: '127.0.0.1', limits: wanted.limits ?? {}, timeouts: { idleMs: wanted.differs ? Math.floor(Math.random() * 1e9) + 1 : 60_000 } },
    { name: 'raw', protocol: 'tcp', port: 0, host: '127.0.0.1', pool: 'raw' },
  ],
  pools: {
    web: {
      backends: wanted.discovers === true ? discovered() : (wanted.backends as string[]),
      strategy: wanted.strategy === 'round-robin' ? roundRobin() : leastConnections(),
      health: [
        passiveCheck({ failures: wanted.failures ?? 5, ejectMs: wanted.ejectMs ?? 10_000 }),
        ...(wanted.checks === true ? [httpCheck({ path: '/healthz', intervalMs: 20, timeoutMs: 1_000, rise: 1, fall: 1 })] : []),
      ],
    },
    raw: { protocol: 'tcp', backends: wanted.tcp === undefined ? [] : [wanted.tcp] },
  },
  routes: [{ pool: 'web' }],
  plugins: [behave(), listener(), wanted.metrics === true && prometheus({ port: 0 })],
});

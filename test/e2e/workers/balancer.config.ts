/** The config of the tests of worker threads. Functions do not cross threads, so each thread loads this file; the environment tells it what is wanted. */
import { threadId } from 'node:worker_threads';
import { defineConfig, definePlugin, type Config } from '@steelyard/sdk';
import leastConnections from '@steelyard/plugins/least-connections';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';

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
      if (path === '/spin') for (;;);
      if (path === '/exit') process.exit(3);
      if (path === '/throw') setTimeout(() => { throw new Error('thrown by behave'); });
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

export default defineConfig({
  workers: 2,
  stallLimitMs: wanted.stallLimitMs ?? 5_000,
  drainLimitMs: wanted.drainLimitMs ?? 5_000,
  log: { level: 'info' },
  listeners: [
    { name: 'web', port: 0, host: '127.0.0.1', timeouts: { idleMs: wanted.differs ? Math.floor(Math.random() * 1e9) + 1 : 60_000 } },
    { name: 'raw', protocol: 'tcp', port: 0, host: '127.0.0.1', pool: 'raw' },
  ],
  pools: {
    web: {
      backends: wanted.backends as string[],
      strategy: leastConnections(),
      health: passiveCheck({ failures: wanted.failures ?? 5, ejectMs: wanted.ejectMs ?? 10_000 }),
    },
    raw: { protocol: 'tcp', backends: wanted.tcp === undefined ? [] : [wanted.tcp] },
  },
  routes: [{ pool: 'web' }],
  plugins: [behave(), listener(), wanted.metrics === true && prometheus({ port: 0 })],
});

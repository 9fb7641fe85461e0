/** What guarding costs: `npx node test/hooks/cost.ts`. Nanoseconds per call, median of interleaved rounds. Never a pass or a fail. */
import { pino } from 'pino';
import { AsyncSeriesBailHook, SyncBailHook, SyncHook } from 'tapable';
import type { Backend, Exchange, HttpExchange, Outcome, PoolView } from '@steelyard/sdk';
import { TapRegistry } from '../../core/src/hooks.ts';
import { PluginMetrics } from '../../core/src/metrics/plugin-metrics.ts';
import { FailureLog } from '../../core/src/plugins/failures.ts';
import { PluginRuntime } from '../../core/src/plugins/runtime.ts';

const CALLS = 1_000_000;
const ROUNDS = 15;

const metrics = new PluginMetrics();
const clock = { now: () => performance.now(), wallTime: () => 0, random: () => 0.5 };
const log = pino({ level: 'silent' });
const plugin = new PluginRuntime('bench', 'the config', 'closed', log, clock, new FailureLog(() => clock.now(), metrics), metrics);
const registry = new TapRegistry();
const face = registry.face(plugin, { kind: 'config' });

const backend = { id: 'a' } as Backend;
const pool = { name: 'p', backends: [backend], isAvailable: (asked: Backend) => asked === backend, inFlightAt: () => 0, nobody: () => undefined } as PoolView;
const exchange = { request: { mark: () => 0, rollback() {} } } as unknown as HttpExchange;
let heard = 0;
const select = (_exchange: Exchange, view: PoolView): Backend | undefined => view.backends[0];
const notice = (): void => { heard++; };

face.onAttempt.tap(notice);
face.onRequest.tap(notice);
const set = registry.compile([{ kind: 'config' }], { plugin, select });

const bareSelect = new SyncBailHook<[Exchange, PoolView], Backend>(['exchange', 'pool']);
bareSelect.tap('bench', (asked, view) => {
  const pick = select(asked, view)!;
  return view.isAvailable(pick) ? pick : (undefined as never);
});
const bareNotice = new SyncHook<[Exchange, Backend, Outcome]>(['exchange', 'backend', 'outcome']);
bareNotice.tap('bench', notice);
const bareRequest = new AsyncSeriesBailHook<[HttpExchange], never>(['exchange']);
bareRequest.tap('bench', notice as () => never);
const done = notice;

const cases: Record<string, () => void> = {
  'selectBackend, unguarded': () => { for (let i = 0; i < CALLS; i++) if (bareSelect.call(exchange, pool) === backend) heard++; },
  'selectBackend, guarded': () => { for (let i = 0; i < CALLS; i++) if (set.selectBackend!.call(exchange, pool) === backend) heard++; },
  'onAttempt, unguarded': () => { for (let i = 0; i < CALLS; i++) bareNotice.call(exchange, backend, undefined as never); },
  'onAttempt, guarded': () => { for (let i = 0; i < CALLS; i++) set.onAttempt!.call(exchange, backend, undefined as never); },
  'onRequest by callAsync, unguarded': () => { for (let i = 0; i < CALLS; i++) bareRequest.callAsync(exchange, done); },
  'onRequest by callAsync, guarded': () => { for (let i = 0; i < CALLS; i++) set.onRequest!.callAsync(exchange, done); },
};

const times = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(cases)) {
    const startedAt = performance.now();
    run();
    times.get(name)!.push(((performance.now() - startedAt) * 1e6) / CALLS);
  }
}
for (const [name, list] of times) console.log(`${name.padEnd(36)}${list.sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(1)} ns`);
if (heard === 0) throw new Error('nothing was called');

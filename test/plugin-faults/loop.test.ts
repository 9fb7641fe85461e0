/** A plugin that takes the event loop for itself, or leaves something in it: what others feel of it, in one thread. Loops without end: `test/e2e/workers-failing.test.ts`. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '@steelyard/sdk';
import { ask, plugin, startRig, type Rig, type Witness, witness } from './rig.ts';

const BLOCKS_MS = 1_000;
/** Every time-out of a listener and a pool that could end while the loop stands still. */
const SHORT_MS = 400;

let origin: Witness;
let rig: Rig;
beforeEach(async () => {
  origin = await witness();
});
afterEach(async () => {
  await rig.stop();
  await origin.close();
});

/** By the origin of a thread of its own. */
const answered = new Int32Array(new SharedArrayBuffer(4));
const blocking = plugin('blocking', (host) => host.hooks.onRequest.tap((exchange) => {
  if (exchange.request.path !== '/block') return;
  const end = performance.now() + BLOCKS_MS;
  // However busy the machine is: the answers to all that was sent are there when it ends.
  const sent = rig.balancer.ledger().leasesOpened;
  while (performance.now() < end || Atomics.load(answered, 0) < sent);
}));

/** An origin in a thread of its own, which takes 100 ms: it answers while the balancer's stands still. */
async function originElsewhere(): Promise<{ url: string; close(): Promise<unknown> }> {
  const program = "const { parentPort, workerData } = require('worker_threads'); require('http').createServer((_request, response) => setTimeout(() => response.end('origin', () => Atomics.add(workerData, 0, 1)), 100)).listen(0, '127.0.0.1', function () { parentPort.postMessage(this.address().port); })";
  const thread = new Worker(program, { eval: true, workerData: answered });
  const [port] = (await once(thread, 'message')) as [number];
  return { url: `http://127.0.0.1:${port}`, close: () => thread.terminate() };
}

describe('a plugin that blocks for a second', () => {
  it('delays the others, and costs none of them its answer: what came in time is not late because nobody looked', async () => {
    const elsewhere = await originElsewhere();
    onTestFinished(async () => void (await elsewhere.close()));
    rig = await startRig({
      listeners: [{ name: 'web', port: 0, host: '127.0.0.1', timeouts: { headMs: SHORT_MS, bodyMs: SHORT_MS, idleMs: SHORT_MS, requestMs: BLOCKS_MS + SHORT_MS } }],
      pools: { web: { backends: [elsewhere.url], timeouts: { connectMs: SHORT_MS, responseMs: SHORT_MS }, retry: { attempts: 1 } } },
      routes: [{ pool: 'web' }],
      plugins: [blocking],
    });
    const port = rig.port();
    const askAll = (paths: readonly string[]) => Promise.all(paths.map((path) => ask(port, path)));
    const paths = Array.from({ length: 20 }, (_, place) => `/${place}`);
    // The connections to the backend are open then, and nothing is waited for but its answers.
    await askAll(paths);
    const all = await askAll(paths.with(5, '/block'));
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    // It was a moment's: nothing is closed, counted against the plugin, or held against the backend.
    expect([await rig.failures('blocking', 'onRequest'), rig.balancer.describe().pools[0]!.backends[0]!.marks]).toEqual([0, []]);
    expect((await ask(port)).status).toBe(200);
  });
});

describe('a plugin that leaves timers behind', () => {
  const config = (plugins: Config['plugins']): Config => ({
    listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }], pools: { web: { backends: [origin.url] } }, routes: [{ pool: 'web' }], ...(plugins && { plugins }),
  });

  it('made by the host: they end with its generation, however many', async () => {
    let calls = 0;
    const leaking = plugin('leaking', (host) => {
      host.hooks.onRequest.tap(() => void host.every(1, () => void calls++));
    });
    rig = await startRig(config([leaking]));
    for (let i = 0; i < 100; i++) await ask(rig.port());
    await expect.poll(() => calls, { interval: 1 }).toBeGreaterThan(100);
    await rig.balancer.reload(config(undefined));
    const before = calls;
    for (let i = 0; i < 20; i++) await ask(rig.port());
    expect(calls).toBe(before);
  });

  it('of its own: the balancer cannot end them, and serves and stops as if there were none', async () => {
    let calls = 0;
    const timers: NodeJS.Timeout[] = [];
    const leaking = plugin('leaking', (host) => {
      host.hooks.onRequest.tap(() => void timers.push(setInterval(() => void calls++, 1)));
    });
    rig = await startRig(config([leaking]));
    await ask(rig.port());
    await rig.balancer.reload(config(undefined));
    expect((await ask(rig.port())).status).toBe(200);
    const before = calls;
    await expect.poll(() => calls, { interval: 1 }).toBeGreaterThan(before);
    for (const timer of timers) clearInterval(timer);
    expect(timers).toHaveLength(1);
  });
});

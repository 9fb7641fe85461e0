/** Main's side of the workers, with workers that are no threads: what is told to whom, when, and who is replaced. */
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Balancer } from '../../core/src/balancer.ts';
import type { Drive } from './driven.config.ts';
import { WorkerHandle } from './fake-handle.ts';

vi.mock('../../core/src/workers/worker-handle.ts', () => import('./fake-handle.ts'));

const CONFIG_FILE = fileURLToPath(new URL('driven.config.ts', import.meta.url));
const [A, B, C, D] = ['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3', 'http://127.0.0.1:4'] as const;

let drive: Drive;

beforeEach(() => {
  WorkerHandle.reset();
  drive = { backends: [A], updates: [], warmUp: undefined, port: 0 };
  Object.assign(globalThis, { steelyardDrive: drive });
});

function balancer(): Balancer {
  const made = new Balancer(CONFIG_FILE, { configFile: CONFIG_FILE, workers: 2, logger: pino({ level: 'silent' }) });
  onTestFinished(() => made.stop());
  return made;
}
async function started(): Promise<Balancer> {
  const made = balancer();
  await made.start();
  return made;
}

const living = (): WorkerHandle[] => WorkerHandle.all.filter(({ hasEnded }) => !hasEnded);
const serving = (): number[] => living().filter(({ isServing, isLeaving }) => isServing && !isLeaving).map(({ number }) => number).sort((a, b) => a - b);
/** Two serve. Less than the first wait of a back-off (1 s): nobody may have waited for that. */
const bothServe = (): Promise<void> => vi.waitFor(() => expect(serving()).toEqual([1, 2]), { timeout: 900, interval: 2 });
const urlsOf = (worker: WorkerHandle): string[] => worker.orders.at(-1)!.pools.get('web')!.members.map(({ spec }) => spec.url);
/** As the first worker was told last. */
const rowOf = (url: string): number => {
  const told = living()[0]!.heard.findLast((message) => message.kind === 'members');
  return told!.members.find(({ spec }) => spec.url === url)!.row;
};

/** Something of a test that others wait for. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

describe('phase one', () => {
  it('reaches each worker with the members that there are when it is told, and changes follow', async () => {
    const made = await started();
    const [first, second] = living();
    drive.backends = [A, D];
    WorkerHandle.answers.prepare = (worker) => {
      if (worker !== first) return;
      // Its row may be another's as soon as nobody says that he uses it.
      drive.updates.at(-1)!([B, C]);
    };
    await made.reload();
    expect(urlsOf(first!)).toEqual([A, D]);
    expect(first!.heard).toContainEqual(expect.objectContaining({ kind: 'members', number: 2 }));
    expect(urlsOf(second!)).toEqual([B, C]);
  });

  it('refuses a start when any of the workers ends: it would end again', async () => {
    WorkerHandle.answers.prepare = (worker) => {
      if (worker.number === 2) worker.end('it was ended by a plugin');
    };
    await expect(balancer().start()).rejects.toMatchObject({ code: 'ERR_WORKER', message: 'worker 2 ended: it was ended by a plugin' });
    expect(living()).toEqual([]);
  });

  it('goes on at a reload without one that ends meanwhile: that one is replaced by one that begins with the new config', async () => {
    const made = await started();
    WorkerHandle.answers.prepare = (worker) => {
      if (worker === WorkerHandle.all[1]) worker.end('by chance');
    };
    expect(await made.reload()).toEqual({ generation: 2 });
    await bothServe();
    expect(WorkerHandle.all[2]!.orders.map(({ number }) => number)).toEqual([2]);
  });
});

describe('a worker that ends', () => {
  it('between its preparation and the switch of a start is replaced', async () => {
    const { passed, open } = gate();
    drive.warmUp = passed;
    const made = balancer();
    const starting = made.start();
    await vi.waitFor(() => expect(WorkerHandle.all.map(({ orders }) => orders.length)).toEqual([1, 1]));
    // Both have answered by then, and nothing is awaited but the first result.
    await new Promise((resolve) => setTimeout(resolve));
    WorkerHandle.all[0]!.end('by chance');
    open();
    await starting;
    await bothServe();
  });

  it('and cannot be replaced comes with the next reload, which waits for no back-off and prepares with those that serve', async () => {
    const made = await started();
    WorkerHandle.answers.prepare = () => ({ config: '{"another":1}' });
    living()[1]!.end('by chance');
    // The first replacement comes at once and fails; the next one is a second away.
    await vi.waitFor(() => expect(WorkerHandle.all[2]?.hasEnded).toBe(true));
    WorkerHandle.answers.prepare = undefined!;
    const { passed, open } = gate();
    drive.warmUp = passed;
    const reload = made.reload();
    await vi.waitFor(() => expect(WorkerHandle.all[0]!.orders).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve));
    // One that is not needed for it would bind now, and hold its share of the clients until the switch.
    expect(living().map(({ number }) => number)).toEqual([1]);
    open();
    await reload;
    await bothServe();
  });

  it('leaves none idle behind when all were gone and the reload is refused; they come back for the config that serves', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const made = await started();
    WorkerHandle.answers.prepare = () => ({ config: '{"another":1}' });
    for (const worker of living()) worker.end('by chance');
    await vi.waitFor(() => expect(WorkerHandle.all.slice(2).filter(({ hasEnded }) => hasEnded)).toHaveLength(2));
    drive.port = (holder.address() as net.AddressInfo).port;
    await expect(made.reload()).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    expect(living()).toEqual([]);
    WorkerHandle.answers.prepare = undefined!;
    await vi.waitFor(() => expect(serving()).toEqual([1, 2]), { timeout: 6_000 });
    expect(WorkerHandle.all.at(-1)!.orders.at(-1)!.number).toBe(1);
  });

  it('of its wound in phase one opens nothing at the switch', async () => {
    const made = await started();
    const { passed, open } = gate();
    drive.warmUp = passed;
    const stop = gate();
    WorkerHandle.answers.stop = () => stop.passed;
    const reload = made.reload();
    const wounded = living()[1]!;
    await vi.waitFor(() => expect(wounded.orders).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve));
    wounded.wound();
    open();
    await reload;
    expect(wounded.heard.filter(({ kind }) => kind === 'switch')).toHaveLength(1);
    stop.open();
    await bothServe();
  });
});

describe('a row of the scoreboard', () => {
  it('is used again although its backend left while a worker was coming up', async () => {
    await started();
    const up = gate();
    WorkerHandle.beforeReady = () => up.passed;
    drive.updates.at(-1)!([A, B]);
    const rowOfB = rowOf(B);
    living()[1]!.end('by chance');
    await vi.waitFor(() => expect(WorkerHandle.all).toHaveLength(3));
    drive.updates.at(-1)!([A]);
    up.open();
    await bothServe();
    drive.updates.at(-1)!([A, C]);
    expect(rowOf(C)).toBe(rowOfB);
  });

  it('is used again for hundreds of backends that come and go', async () => {
    await started();
    const rows = new Set<number>();
    for (let round = 0; round < 300; round++) {
      drive.updates.at(-1)!([A, `http://127.0.0.1:${1_000 + round}`]);
      await Promise.resolve();
      for (const message of living()[0]!.heard.splice(0)) if (message.kind === 'members') for (const { row } of message.members) rows.add(row);
    }
    // One that leaves and one that comes overlap.
    expect(rows.size).toBeLessThanOrEqual(4);
  });
});

describe('a system that gives no thread for a while', () => {
  it('costs the places of workers nothing: as soon as it gives one, all are replaced', async () => {
    const made = await started();
    let refusals = 0;
    WorkerHandle.beforeThread = () => {
      refusals++;
      throw new Error('ERR_WORKER_INIT_FAILED');
    };
    for (let round = 1; round <= 6; round++) {
      // Each reload tries those that are missing at once.
      for (const worker of living().slice(1)) worker.end('by chance');
      await made.reload();
      await vi.waitFor(() => expect(refusals).toBeGreaterThanOrEqual(round), { interval: 2 });
    }
    WorkerHandle.beforeThread = () => {};
    await made.reload();
    await bothServe();
  });
});

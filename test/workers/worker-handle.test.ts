/** One worker as main has it, with a thread that does what the test says. */
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { WorkerBirth } from '../../core/src/workers/messages.ts';
import { WorkerHandle } from '../../core/src/workers/worker-handle.ts';

/** In place of a `Worker`: the test says when it is ready, fails and exits. */
class Thread extends EventEmitter {
  static last: Thread;
  constructor() {
    super();
    Thread.last = this;
  }
  postMessage(): void {}
  terminate(): void {}
}
vi.mock('node:worker_threads', async (original) => ({ ...(await original<object>()), Worker: function Worker() { return new Thread(); } }));

const gone = vi.fn<(worker: WorkerHandle, why: string) => void>();
beforeEach(() => gone.mockClear());

const create = (number = 1): WorkerHandle => new WorkerHandle({ number, block: 1 } as WorkerBirth, { told: () => {}, gone });
async function started(): Promise<WorkerHandle> {
  const worker = create();
  const ready = worker.ready();
  Thread.last.emit('message', { kind: 'ready' });
  await ready;
  return worker;
}

describe('whoever waits for the end of a worker', () => {
  it('hears of it also when the thread ends by an error: a stop goes on to the others', async () => {
    const worker = await started();
    const left = worker.leave();
    Thread.last.emit('error', new Error('out of memory'));
    Thread.last.emit('exit', 1);
    await expect(left).resolves.toBeUndefined();
  });

  it('hears of it after the share of the worker was given back', async () => {
    const worker = await started();
    const ended = worker.ended().then(() => gone.mock.calls.length);
    Thread.last.emit('exit', 0);
    expect(await ended).toBe(1);
  });

  it('does not wait for one that has ended', async () => {
    const worker = await started();
    Thread.last.emit('exit', 0);
    await worker.ended();
    await worker.leave();
    expect(worker.hasEnded).toBe(true);
  });
});

describe('a worker that ends before it is ready', () => {
  it('rejects its start with the reason, and is given back', async () => {
    const ready = create(3).ready();
    Thread.last.emit('error', new Error('no such file'));
    Thread.last.emit('exit', 1);
    await expect(ready).rejects.toMatchObject({ code: 'ERR_WORKER', message: 'worker 3 ended: no such file' });
    expect(gone).toHaveBeenCalledOnce();
  });
});

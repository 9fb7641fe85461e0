/** Several threads that log to one standard output at once: `node writers.ts <threads> <lines each>`. */
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createThreadLogger, type LoggerForm } from '../../core/src/log.ts';

export const LOG: LoggerForm = { kind: 'stdout', level: 'info', pretty: false, colorize: false };

interface Share {
  worker: number;
  lines: number;
  /** All begin together. */
  gate: SharedArrayBuffer;
}

if (isMainThread) {
  const [threads = 2, lines = 10] = process.argv.slice(2).map(Number);
  const gate = new SharedArrayBuffer(4);
  const open = new Int32Array(gate);
  const started = Array.from({ length: threads }, (_, worker) => new Worker(new URL(import.meta.url), { workerData: { worker: worker + 1, lines, gate } satisfies Share }));
  await Promise.all(started.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  Atomics.store(open, 0, 1);
  Atomics.notify(open, 0);
  await write(createThreadLogger(LOG), lines);
} else {
  const { worker, lines, gate } = workerData as Share;
  const log = createThreadLogger(LOG, { worker });
  Atomics.wait(new Int32Array(gate), 0, 0);
  await write(log, lines);
}

async function write(log: ReturnType<typeof createThreadLogger>, lines: number): Promise<void> {
  for (let i = 0; i < lines; i++) {
    // From short to over the limit, and never the same length twice in a row.
    const length = (i * 389) % 6000;
    log.info({ i, length, filler: 'é'.repeat(length >> 1) }, 'a line');
    if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The entry of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerBirth } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

const port = parentPort!;
const thread = new WorkerThread(workerData as WorkerBirth, (message) => port.postMessage(message));
port.on('message', (message: ToWorker) => {
  // Log lines that still wait for a slow reader are written at the exit, which a thread that is terminated does not have.
  if (message.kind === 'leave') process.exit(0);
  else void thread.hear(message);
});
process.on('uncaughtException', (error) => thread.wounded(error));
process.on('unhandledRejection', (reason) => thread.strayRejection(reason));
port.postMessage({ kind: 'ready' });

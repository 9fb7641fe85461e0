/** The entry of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ToWorker, WorkerBirth } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

const port = parentPort!;
const thread = new WorkerThread(workerData as WorkerBirth, (message) => port.postMessage(message));
port.on('message', (message: ToWorker) => void thread.hear(message));
process.on('uncaughtException', (error) => thread.wounded(error));
process.on('unhandledRejection', (reason) => thread.strayRejection(reason));
port.postMessage({ kind: 'ready' });

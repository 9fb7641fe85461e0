/** A backend whose kernel takes no more connections: a connect to it hangs until `listen`. */
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

export interface DeafOrigin {
  readonly url: string;
  readonly port: number;
  /** From now on it accepts, and returns what it gets. The kernel repeats a waiting SYN after one second. */
  listen(): void;
}

/** Its accept queue is that small, and nobody takes from it. */
const BACKLOG = 1;

/** A thread that listens and then sleeps, so that the accept queue fills up and Linux drops every further SYN. */
const SLEEPER = `
const net = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: ${BACKLOG} }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(workerData, 0, 0);
});
`;

export async function deafOrigin(): Promise<DeafOrigin> {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SLEEPER, { eval: true, workerData: flag });
  const listen = (): void => {
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  };
  onTestFinished(async () => {
    listen();
    await worker.terminate();
  });
  const port = await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  // Linux takes one connection more than the backlog says.
  for (let filler = 0; filler <= BACKLOG; filler++) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
  }
  return { port, url: `tcp://127.0.0.1:${port}`, listen };
}

/** A thread that wakes its parent every so many microseconds: a timer of Node's knows only milliseconds. */
import { parentPort, workerData } from 'node:worker_threads';

const { stepMs } = workerData as { stepMs: number };
// Not the `postMessage` of a window, which the rule means.
const wake = parentPort!.postMessage.bind(parentPort!, undefined);
const never = new Int32Array(new SharedArrayBuffer(4));
let due = performance.now();
for (;;) {
  due += stepMs;
  const wait = due - performance.now();
  if (wait > 0) Atomics.wait(never, 0, 0, wait);
  else due = performance.now();
  wake();
}

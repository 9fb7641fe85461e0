/**
 * Loaded into Steelyard by `--import`, in the main thread and in each worker: tells whoever connects to SOAK_PROBE_PORT and sends a line what is
 * in the heaps. `look` costs nothing; `count` collects garbage first and counts the objects that are left of the classes that own something.
 */
import { createServer, Server, Socket } from 'node:net';
import { getHeapStatistics, queryObjects, setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

export interface ThreadSample {
  thread: number;
  heapBytes: number;
  /** Outside of the heap, owned by objects in it: buffers above all. */
  externalBytes: number;
  /** Of `process.getActiveResourcesInfo()`, by type. */
  resources: Record<string, number>;
  /** By class; empty unless they were counted. */
  objects: Record<string, number>;
}
type Order = 'look' | 'count';

/** Classes of the core whose objects own a socket, a timer, a row, or a config's worth of closures. */
const OWNERS: Record<string, string> = {
  Generation: 'generation', ControlGeneration: 'control/control-generation', BackendState: 'upstream/backend', UpstreamConnection: 'upstream/connection',
  HttpConnection: 'request/connection', StreamConnection: 'stream/connection', Tunnel: 'stream/tunnel', NodeSocket: 'sockets/node-socket', Listener: 'listen/listener',
  PluginRuntime: 'plugins/runtime', WorkerHandle: 'workers/worker-handle',
};
/** Answers of the other threads that have not come by then do not come: a thread has just ended. */
const ANSWER_LIMIT_MS = 5_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
type Class = new (...args: never) => unknown;
let classes: Map<string, Class> | undefined;

async function ownClasses(): Promise<Map<string, Class>> {
  if (classes) return classes;
  const timer = setTimeout(() => {}, 0);
  classes = new Map([['Timeout', timer.constructor as Class], ['AbortController', AbortController as unknown as Class], ['net.Socket', Socket as unknown as Class], ['net.Server', Server as unknown as Class]]);
  clearTimeout(timer);
  for (const [name, path] of Object.entries(OWNERS)) {
    // Long loaded by then: it is the balancer's own.
    const module = (await import(new URL(`../../../core/src/${path}.ts`, import.meta.url).href)) as Record<string, Class>;
    classes.set(name, module[name]!);
  }
  return classes;
}

async function sample(order: Order): Promise<ThreadSample> {
  const objects: Record<string, number> = {};
  if (order === 'count') {
    // It collects all garbage itself, and again what the finalizers of the first time have freed.
    for (const [name, constructor] of await ownClasses()) objects[name] = queryObjects(constructor, { format: 'count' });
    collect();
  }
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  const resources: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) resources[type] = (resources[type] ?? 0) + 1;
  return { thread: threadId, heapBytes, externalBytes, resources, objects };
}

interface Question { id: number; order: Order }
interface Answer { id: number; sample: ThreadSample }

const questions = new BroadcastChannel('soak-questions');
const answers = new BroadcastChannel('soak-answers');
(questions as unknown as { unref: () => void }).unref();
(answers as unknown as { unref: () => void }).unref();

/** Of all threads, the main thread's first. */
async function askAll(id: number, order: Order, workers: number): Promise<ThreadSample[]> {
  const others: ThreadSample[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ANSWER_LIMIT_MS);
  answers.onmessage = (event) => {
    const { id: answered, sample } = (event as unknown as { data: Answer }).data;
    if (answered !== id) return;
    others.push(sample);
    if (others.length === workers) resolve();
  };
  questions.postMessage({ id, order } satisfies Question);
  if (workers > 0) await promise;
  clearTimeout(timer);
  answers.onmessage = () => {};
  return [await sample(order), ...others.sort((a, b) => a.thread - b.thread)];
}

if (isMainThread) {
  let asked = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (line) => {
      const [order, parameter] = line.toString().trim().split(' ');
      // For whoever looks for a leak: not part of a run.
      if (order === 'snapshot') socket.end(writeHeapSnapshot(parameter));
      else void askAll(++asked, order as Order, Number(parameter)).then((samples) => socket.end(JSON.stringify(samples)));
    });
  });
  server.listen(Number(process.env['SOAK_PROBE_PORT']), '127.0.0.1');
  server.unref();
} else {
  questions.onmessage = (event) => {
    const { id, order } = (event as unknown as { data: Question }).data;
    void sample(order).then((taken) => answers.postMessage({ id, sample: taken } satisfies Answer));
  };
}

/**
 * Loaded into Steelyard by `--import`, in the main thread and in each worker: tells whoever connects to SOAK_PROBE_PORT and sends a line what is
 * in the heaps. `look` costs nothing; `collect` collects all garbage and counts the plugins that are left; `count` counts
 * more classes. Each class takes some tenths of a second. Needs `--expose-internals`.
 */
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { getHeapStatistics, queryObjects, writeHeapSnapshot } from 'node:v8';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

export interface ThreadSample {
  thread: number;
  heapBytes: number;
  /** Outside of the heap, owned by objects in it: buffers above all. */
  externalBytes: number;
  /** Timers that are set, those included that keep nobody from ending: how many, by their milliseconds. */
  timers: Record<string, number>;
  /** By class; empty unless they were counted. */
  objects: Record<string, number>;
}
export type Order = 'look' | 'collect' | 'count';

/** Classes of the core whose objects own a socket, a row, or a config's worth of closures: every plugin of a generation that anything still holds is there. */
const OWNERS: Record<string, string> = {
  PluginRuntime: 'plugins/runtime', BackendState: 'upstream/backend', Generation: 'generation', ControlGeneration: 'control/control-generation', NodeSocket: 'sockets/node-socket',
};
const COUNTED_ALWAYS = 'PluginRuntime';
/** Answers of the other threads that have not come by then do not come: a thread has just ended. */
const ANSWER_LIMIT_MS: Record<Order, number> = { look: 1_000, collect: 10_000, count: 20_000 };

type Class = new (...args: never) => unknown;
let classes: [string, Class][] | undefined;

async function ownClasses(): Promise<[string, Class][]> {
  if (classes) return classes;
  classes = [];
  for (const [name, path] of Object.entries(OWNERS)) {
    // Long loaded by then: it is the balancer's own.
    const module = (await import(new URL(`../../../core/src/${path}.ts`, import.meta.url).href)) as Record<string, Class>;
    classes.push([name, module[name]!]);
  }
  return classes;
}

/** `process.getActiveResourcesInfo()` leaves out those without a reference, which are all of the balancer's. */
interface TimerList {
  _idleNext: TimerList;
}
const { timerListMap } = createRequire(import.meta.url)('internal/timers') as { timerListMap: Record<string, TimerList> };
function timersByMs(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [ms, list] of Object.entries(timerListMap)) for (let item = list._idleNext; item !== list; item = item._idleNext) counts[ms] = (counts[ms] ?? 0) + 1;
  return counts;
}

async function sample(order: Order): Promise<ThreadSample> {
  const objects: Record<string, number> = {};
  // Each query collects all garbage that there is, more thoroughly than `gc()`: also code and caches that nobody has used lately.
  for (const [name, constructor] of order === 'look' ? [] : await ownClasses()) {
    if (order === 'collect' && name !== COUNTED_ALWAYS) continue;
    objects[name] = queryObjects(constructor, { format: 'count' });
    // Else a worker would seem to hang.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  return { thread: threadId, heapBytes, externalBytes, timers: timersByMs(), objects };
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
  const timer = setTimeout(resolve, ANSWER_LIMIT_MS[order]);
  const hear = (event: Event): void => {
    const { id: answered, sample } = (event as unknown as { data: Answer }).data;
    if (answered !== id) return;
    others.push(sample);
    if (others.length === workers) resolve();
  };
  answers.addEventListener('message', hear);
  questions.postMessage({ id, order } satisfies Question);
  if (workers > 0) await promise;
  clearTimeout(timer);
  answers.removeEventListener('message', hear);
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
  questions.addEventListener('message', (event) => {
    const { id, order } = (event as unknown as { data: Question }).data;
    void sample(order).then((taken) => answers.postMessage({ id, sample: taken } satisfies Answer));
  });
}

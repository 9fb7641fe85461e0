/** `host.every` and `host.after`: timers that end with the generation, and whose failures are the plugin's, not the process's. */
import { SteelyardError } from '@steelyard/sdk';
import { isThenable } from './answer.ts';
import { settled } from './guard.ts';
import type { PluginRuntime } from './runtime.ts';

/** Node turns a longer delay into 1 ms. */
const LONGEST_MS = 2_147_483_647;

export class PluginTimers {
  readonly #plugin: PluginRuntime;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(plugin: PluginRuntime) {
    this.#plugin = plugin;
    plugin.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** A call that is due while the last one still waits is left out: calls of one timer never overlap. */
  every(ms: number, fn: () => unknown): () => void {
    this.#check('every', ms);
    if (this.#plugin.hasEnded) return NOTHING;
    let isRunning = false;
    const timer = setInterval(() => {
      if (isRunning) return;
      isRunning = true;
      this.#call(fn, () => { isRunning = false; });
    }, ms);
    return this.#keep(timer);
  }

  after(ms: number, fn: () => unknown): () => void {
    this.#check('after', ms);
    if (this.#plugin.hasEnded) return NOTHING;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#call(fn, NOTHING);
    }, ms);
    return this.#keep(timer);
  }

  #keep(timer: NodeJS.Timeout): () => void {
    // What keeps the process alive are sockets: a plugin's timer alone must not.
    timer.unref();
    this.#timers.add(timer);
    return () => {
      clearTimeout(timer);
      this.#timers.delete(timer);
    };
  }

  #call(fn: () => unknown, over: () => void): void {
    let pending: unknown;
    try {
      const result = fn();
      if (isThenable(result)) pending = result;
    } catch (thrown) {
      this.#plugin.report('timer', thrown);
    }
    if (pending === undefined) return over();
    settled(pending).then(over, (error: unknown) => {
      over();
      // A wait that the end of the generation cut short is no failure.
      if (!this.#plugin.hasEnded) this.#plugin.report('timer', error);
    });
  }

  #check(method: string, ms: number): void {
    if (ms >= 0 && ms <= LONGEST_MS) return;
    throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `host.${method}: the time is ${ms} ms; allowed is 0 to ${LONGEST_MS}`, source: 'plugin' });
  }

  #stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

const NOTHING = (): void => {};

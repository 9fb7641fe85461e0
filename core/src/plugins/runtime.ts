/** One plugin at work in one place of one generation: who it is, what it opened, how it fails. Survives nothing. */
import { setMaxListeners } from 'node:events';
import type { OnFailure } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { PluginMetrics } from '../metrics/plugin-metrics.ts';
import type { FailureLog } from './failures.ts';
import { disown } from './guard.ts';
import { TimeLimits } from './time-limits.ts';

/** What a generation's plugins live on. `now` in monotonic milliseconds, `random` in [0, 1). */
export interface PluginClock {
  now(): number;
  wallTime(): number;
  random(): number;
}

/** One deferred function, one close, may take so long; then the next one runs. A stop must end even where a plugin's clean-up does not. */
export const CLEAN_UP_LIMIT_MS = 5_000;

export class PluginRuntime {
  readonly name: string;
  /** Where it stands, for people: `the config`, `route api`. */
  readonly place: string;
  readonly onFailure: OnFailure;
  readonly log: Logger;
  readonly clock: PluginClock;
  readonly signal: AbortSignal;
  readonly timeLimits: TimeLimits;
  /** Its `setup` or `create` has returned: from here on a tap is too late. */
  isSetUp = false;
  hasEnded = false;
  readonly #controller = new AbortController();
  readonly #failures: FailureLog;
  readonly #metrics: PluginMetrics;
  readonly #deferred: (() => unknown)[] = [];
  /** Hooks of the taps that are in quarantine now. */
  readonly #shutHooks: string[] = [];

  constructor(name: string, place: string, onFailure: OnFailure, log: Logger, clock: PluginClock, failures: FailureLog, metrics: PluginMetrics) {
    this.name = name;
    this.place = place;
    this.onFailure = onFailure;
    this.log = log.child({ plugin: name });
    this.clock = clock;
    this.timeLimits = new TimeLimits(() => clock.now());
    this.#failures = failures;
    this.#metrics = metrics;
    this.signal = this.#controller.signal;
    // A plugin may hand the signal to any number of requests; older Node warns at 11 listeners (20 does, 26 does not).
    setMaxListeners(0, this.signal);
  }

  /** A failure of this plugin, wherever its code was called: logged (not each one) and counted (each one). */
  report(where: string, thrown: unknown): void {
    try {
      // `throw lookUp()` without its `await`: nobody else would hear that promise reject, and that may end the process.
      disown(thrown);
      this.#failures.report(this.log, this.name, this.place, where, thrown);
    } catch {
      // Counted it is. A program's own logger may throw over what a plugin threw, and this is called where nothing catches.
    }
  }

  /** @param isNew false when a trial call failed and the wait is prolonged */
  tapShut(hook: string, waitMs: number, isNew: boolean): void {
    if (isNew && !this.hasEnded) {
      this.#shutHooks.push(hook);
      this.#metrics.quarantined(this.name, hook, 1);
    }
    const answer = this.onFailure === 'closed' && (hook === 'onConnect' || hook === 'onRequest') ? 'refused' : 'let through';
    const fields = { hook, place: this.place, code: 'ERR_PLUGIN_QUARANTINE', waitMs, meanwhile: answer };
    this.log.error(fields, `plugin ${this.name} keeps failing in ${hook}: it is not called for ${waitMs} ms`);
  }

  tapOpened(hook: string): void {
    this.#forgetShut(hook);
    this.log.info({ hook, place: this.place }, `plugin ${this.name} answered again in ${hook}: its quarantine is over`);
  }

  #forgetShut(hook: string): void {
    const index = this.#shutHooks.indexOf(hook);
    if (index < 0) return;
    this.#shutHooks.splice(index, 1);
    this.#metrics.quarantined(this.name, hook, -1);
  }

  /** Runs at the end, last deferred first. After the end: at once, so that a set-up that went on too long still cleans up. */
  defer(fn: () => unknown): void {
    if (this.hasEnded) void this.#run(fn);
    else this.#deferred.push(fn);
  }

  /** The first half of the end: nothing new begins. */
  abort(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.isSetUp = true;
    while (this.#shutHooks.length > 0) this.#forgetShut(this.#shutHooks[0]!);
    this.#controller.abort();
  }

  /** The second half: what it deferred, in reverse. Never rejects. */
  async cleanUp(): Promise<void> {
    for (let fn = this.#deferred.pop(); fn !== undefined; fn = this.#deferred.pop()) await this.#run(fn);
  }

  async #run(fn: () => unknown): Promise<void> {
    try {
      await withinLimit(Promise.resolve(fn()), CLEAN_UP_LIMIT_MS, () => new Error(`a deferred function took longer than ${CLEAN_UP_LIMIT_MS} ms`));
    } catch (thrown) {
      this.report('defer', thrown);
    }
  }
}

/** The promise's result, or a rejection when it takes longer; what it does after that is of no interest any more. */
export async function withinLimit<T>(promise: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  try {
    // `race` listens to both: a rejection after the limit is handled.
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where the failures of all plugins of a generation go: a count for each, a log line for some. */
import { describeError, isSteelyardError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { PluginMetrics } from '../metrics/plugin-metrics.ts';

/** A plugin that fails at every request must not fill the disk: after the first line one per second for each plugin and hook. */
const LOG_INTERVAL_MS = 1_000;
/** What is thrown may be as long as a response that somebody put into its message. */
const MAX_ERROR_CHARACTERS = 2_000;

interface LogRecord {
  nextAt: number;
  suppressed: number;
}

export class FailureLog {
  readonly #now: () => number;
  readonly #metrics: PluginMetrics;
  readonly #records = new Map<string, LogRecord>();

  constructor(now: () => number, metrics: PluginMetrics) {
    this.#now = now;
    this.#metrics = metrics;
  }

  /** @param hook the hook, or what else of the plugin was called: `timer`, `serve`, `defer`, a strategy's `update` */
  report(log: Logger, plugin: string, place: string, hook: string, thrown: unknown): void {
    this.#metrics.failed(plugin, hook);
    const suppressed = this.#mayLog(`${plugin} ${hook}`);
    if (suppressed < 0) return;
    const fields: Record<string, unknown> = { hook, place, code: 'ERR_PLUGIN_TAP', error: describeError(thrown).slice(0, MAX_ERROR_CHARACTERS) };
    // The sentence is for operators; where in the plugin it happened is for its author. Our own errors say it in words.
    const stack = stackOf(thrown);
    if (stack !== '') fields['stack'] = stack;
    if (suppressed > 0) fields['suppressed'] = suppressed;
    log.error(fields, `plugin ${plugin} failed in ${hook}`);
  }

  /** How many lines were left out since the last one; -1 = leave this one out too. */
  #mayLog(key: string): number {
    const now = this.#now();
    let record = this.#records.get(key);
    if (record === undefined) this.#records.set(key, (record = { nextAt: -Infinity, suppressed: 0 }));
    if (now < record.nextAt) {
      record.suppressed++;
      return -1;
    }
    const { suppressed } = record;
    record.suppressed = 0;
    record.nextAt = now + LOG_INTERVAL_MS;
    return suppressed;
  }
}

/** A string, or '': `stack` may be anything, a getter that throws too. */
function stackOf(thrown: unknown): string {
  try {
    return thrown instanceof Error && !isSteelyardError(thrown) ? String(thrown.stack).slice(0, MAX_ERROR_CHARACTERS) : '';
  } catch {
    return '';
  }
}

/** A host that records. Everything that `Host` promises works; time, chance and answers are the world's. */
import { setMaxListeners } from 'node:events';
import type { InnerStrategy } from '../combine.ts';
import type { StrategyProtocol, StrategyUse } from '../define.ts';
import { describeError, isSteelyardError, SteelyardError } from '../errors.ts';
import type { Hooks } from '../hooks.ts';
import type { Host, Logger, ProbeRequest, ProbeResponse, ServeAddress, ServeHandler } from '../host.ts';
import type { HistogramOptions, MetricOptions } from '../metrics.ts';
import type { Backend } from '../model.ts';
import { createInner } from './inner.ts';
import { RecordedMetrics } from './metrics.ts';
import type { World } from './world.ts';

/**
 * One line that a plugin logged.
 * @example
 * import type { LogLine } from '@steelyard/sdk/testkit';
 * const isError = ({ level }: LogLine) => level === 'error';
 * world().host('mine').lines.some(isError); // false
 */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The host of one plugin in one generation. A second host of the same name is the plugin's next generation: it finds `perBackend` and `shared` again.
 * @example
 * const host: FakeHost = world().host('mine');
 * host.counter('picks_total', { help: 'Picks.' }).add(2);
 * host.metrics.value('picks_total'); // 2
 */
export class FakeHost implements Host {
  readonly plugin: string;
  readonly pool: string;
  readonly hooks: Hooks;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** What was logged, in order. */
  readonly lines: LogLine[] = [];
  /** What was counted. */
  readonly metrics = new RecordedMetrics();
  /** What timers threw or rejected with; each is logged as an error too. */
  readonly faults: unknown[] = [];

  readonly #world: World;
  readonly #ending = new AbortController();
  readonly #deferred: (() => void | Promise<void>)[] = [];
  #isSealed = false;

  constructor(world: World, plugin: string, pool: string) {
    this.#world = world;
    this.plugin = plugin;
    this.pool = pool;
    this.signal = this.#ending.signal;
    // Plugins may hang any number of listeners on it; Node warns at eleven.
    setMaxListeners(0, this.signal);
    this.hooks = world.hooks.faceFor(plugin, this, () => this.#isSealed);
    const line = (level: LogLine['level']) => (fields: object | string, message?: string) => {
      const isBare = typeof fields === 'string';
      this.lines.push({ level, message: isBare ? fields : (message ?? ''), fields: isBare ? {} : (fields as Record<string, unknown>) });
    };
    this.log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  }

  /** From here on a tap is ERR_PLUGIN_LATE_TAP, as it is in the core once `create` or `setup` has returned. */
  seal(): void {
    this.#isSealed = true;
  }

  defer(fn: () => void | Promise<void>): void {
    this.#deferred.push(fn);
  }
  now(): number {
    return this.#world.now();
  }
  wallTime(): number {
    return this.#world.wallTime();
  }
  random(): number {
    return this.#world.random.next();
  }

  every(ms: number, fn: () => void | Promise<void>): () => void {
    return this.#untilEnd(this.#world.clock.every(ms, () => this.#guard(fn)));
  }
  after(ms: number, fn: () => void | Promise<void>): () => void {
    const cancel = this.#untilEnd(this.#world.clock.after(ms, () => {
      // It has nothing to be cancelled any more: a simulation sets so many that the signal would be busy with their listeners alone.
      cancel();
      this.#guard(fn);
    }));
    return cancel;
  }

  async probe(backend: Backend, request: ProbeRequest | undefined, signal: AbortSignal): Promise<ProbeResponse | undefined> {
    signal.throwIfAborted();
    const gaveUp = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
    try {
      return await Promise.race([this.#world.askProbe(backend, request, signal), gaveUp]);
    } catch (thrown) {
      if (signal.aborted || isSteelyardError(thrown)) throw thrown;
      throw new SteelyardError('ERR_PROBE', { message: describeError(thrown), source: 'upstream', cause: thrown });
    }
  }

  serve(address: ServeAddress, handler: ServeHandler): Promise<{ host: string; port: number }> {
    return this.#world.served.serve(this.plugin, address, handler);
  }
  shared<T>(key: string, open: () => T | Promise<T>, close: (value: T) => void | Promise<void>): Promise<T> {
    return this.#world.shared.claim(this, `${this.plugin} ${key}`, open, close);
  }
  perBackend<T>(init: (backend: Backend) => T, key = ''): (backend: Backend) => T {
    return this.#world.perBackend(`${this.plugin} ${key}`, init);
  }

  /** Hosts of the strategies inside this one, in the order of `strategy`. */
  readonly inner: FakeHost[] = [];
  /** Those strategies, in the same order. */
  readonly innerStrategies: InnerStrategy[] = [];
  strategy<P extends StrategyProtocol>(use: StrategyUse<P>): InnerStrategy<P> {
    if (this.#isSealed) throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `plugin ${this.plugin} asked for an inner strategy, but its create has returned`, source: 'plugin' });
    const host = this.#world.host(`${this.plugin}/${this.inner.length}.${use.name}`, this.pool);
    this.inner.push(host);
    const inner = createInner(use, host);
    this.innerStrategies.push(inner as InnerStrategy);
    return inner;
  }

  counter(name: string, options: MetricOptions): ReturnType<Host['counter']> {
    return this.metrics.counter(name, options);
  }
  gauge(name: string, options: MetricOptions): ReturnType<Host['gauge']> {
    return this.metrics.gauge(name, options);
  }
  histogram(name: string, options: HistogramOptions): ReturnType<Host['histogram']> {
    return this.metrics.histogram(name, options);
  }

  /** Ends this generation of the plugin: the signal aborts, timers and taps go, what was deferred runs, last first, and what it shared alone is closed. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.#world.hooks.drop(this);
    for (let fn = this.#deferred.pop(); fn; fn = this.#deferred.pop()) await fn();
    await this.#world.shared.release(this);
  }

  #untilEnd(cancel: () => void): () => void {
    this.signal.addEventListener('abort', cancel, { once: true });
    return () => {
      this.signal.removeEventListener('abort', cancel);
      cancel();
    };
  }

  #guard(fn: () => void | Promise<void>): void {
    const note = (thrown: unknown) => {
      this.faults.push(thrown);
      this.log.error({ error: describeError(thrown) }, 'a timer failed');
    };
    try {
      const running = fn();
      if (running instanceof Promise) this.#world.follow(running.catch(note));
    } catch (thrown) {
      note(thrown);
    }
  }
}

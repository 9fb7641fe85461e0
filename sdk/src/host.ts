/** What a plugin is given to live on. Time, chance, timers, state and sockets all come from here, so that it can be tested and reloaded. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InnerStrategy } from './combine.ts';
import type { StrategyProtocol, StrategyUse } from './define.ts';
import type { Hooks } from './hooks.ts';
import type { Counter, Gauge, Histogram, HistogramOptions, MetricOptions } from './metrics.ts';
import type { Backend } from './model.ts';

export interface Logger {
  debug(fields: object, message: string): void;
  debug(message: string): void;
  info(fields: object, message: string): void;
  info(message: string): void;
  warn(fields: object, message: string): void;
  warn(message: string): void;
  error(fields: object, message: string): void;
  error(message: string): void;
}

/** A small exchange off the data path, for health checks. */
export interface ProbeRequest {
  /** Default: `GET`. */
  method?: string;
  /** Default: `/`. */
  path?: string;
  /** `Host` is the backend's address unless given. */
  headers?: Readonly<Record<string, string>>;
  /** Most bytes of the body that are kept. Default 65,536; what is behind them is not read. */
  maxBodyBytes?: number;
}
export interface ProbeResponse {
  status: number;
  /** Lower-case names; several fields joined by `, `. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

export type ServeHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
export interface ServeAddress {
  /** Default `127.0.0.1`: metrics and admin are not for everybody. */
  host?: string;
  /** 0 = any free port. */
  port: number;
}

export interface Host {
  /** The pool that it works for: of a strategy, a health check, a discovery, or a plugin among a pool's. '' for others. */
  readonly pool: string;
  /** Tap only; in `create` and `setup` only. */
  readonly hooks: Hooks;
  /** Aborts when the generation of this plugin ends. */
  readonly signal: AbortSignal;
  /** Runs at the end of the generation, last deferred first; may be asynchronous. Runs as well when a set-up fails half-way. */
  defer(fn: () => void | Promise<void>): void;
  readonly log: Logger;
  /** Monotonic milliseconds with fractions. Virtual in the test kit. */
  now(): number;
  /** Milliseconds since 1970, for people and for headers, never for measuring. */
  wallTime(): number;
  /** Uniform in [0, 1). Seeded in the test kit. */
  random(): number;
  /** Calls `fn` every `ms` until the generation ends or the returned function is called. A throw is logged and counted. */
  every(ms: number, fn: () => void | Promise<void>): () => void;
  /** Calls `fn` once, `ms` from now. Otherwise as `every`. */
  after(ms: number, fn: () => void | Promise<void>): () => void;
  /**
   * A TCP connect (`request` absent) or one HTTP/1.1 exchange on a connection of its own.
   * @throws SteelyardError ERR_PROBE with the reason as a sentence; the signal's reason when it aborts.
   */
  probe(backend: Backend, request: ProbeRequest | undefined, signal: AbortSignal): Promise<ProbeResponse | undefined>;
  /**
   * Serves HTTP on an address of its own. The core owns the listener: a reload changes the handler at the switch, the socket stays.
   * For what runs in main: exporters, discoveries, and plugins that say `runs: 'main'`; of the others there may be many, and one port.
   * Resolves with the address bound. @throws SteelyardError ERR_SHARED when it cannot bind, or in a worker.
   */
  serve(address: ServeAddress, handler: ServeHandler): Promise<{ host: string; port: number }>;
  /**
   * What must exist once (a child process, a client): opened by the first that asks for the key, found again by the next generation,
   * closed when no living generation claims it, by the `close` of the last that did. Keys are the plugin's own: other plugins' do not
   * collide. Once in each thread: values do not cross threads, so a plugin that runs in every worker has one there. What must be one for
   * the process belongs into main.
   * @throws SteelyardError ERR_SHARED with the cause when `open` rejects.
   */
  shared<T>(key: string, open: () => T | Promise<T>, close: (value: T) => void | Promise<void>): Promise<T>;
  /**
   * Typed state beside each backend: made by `init` at first use, kept by the backend's id over reloads, dropped with the backend.
   * One per worker. A plugin with several such states names them by `key`.
   */
  perBackend<T>(init: (backend: Backend) => T, key?: string): (backend: Backend) => T;
  /**
   * Creates a strategy of the options inside this one; in a strategy's `create` only. What it keeps beside backends is its own, apart from another
   * of the same name: it is found again after a reload by its place, the how many-eth it is.
   * @throws SteelyardError ERR_PLUGIN_CREATE when its `create` fails, ERR_PLUGIN_DEFINITION when it is no strategy or this is no strategy's `create`.
   */
  strategy<P extends StrategyProtocol>(use: StrategyUse<P>): InnerStrategy<P>;
  /**
   * Metrics of the plugin's own; `steelyard_` is put before the name. The same name again gives the same metric.
   * A plugin that runs in the workers counts in each of them; what is shown is the sum over all, of gauges too.
   */
  counter(name: string, options: MetricOptions): Counter;
  gauge(name: string, options: MetricOptions): Gauge;
  histogram(name: string, options: HistogramOptions): Histogram;
}

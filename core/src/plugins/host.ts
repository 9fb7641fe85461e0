/** The `host` that a plugin is given: everything it may touch, tied to its name, its place and its generation. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Backend, Host, Hooks, InnerStrategy, MetricsSnapshot, ServeHandler, StrategyUse } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { GenerationMetrics, MetricsRegistry } from '../metrics/registry.ts';
import type { BackendState } from '../upstream/backend.ts';
import { nameOf } from './answer.ts';
import type { PluginClock, PluginRuntime } from './runtime.ts';
import type { GuardedHandler, ServedRegistry } from './served.ts';
import type { Claimant, SharedRegistry } from './shared.ts';
import { PluginTimers } from './timers.ts';

/** What plugins of all generations stand on; one per balancer. */
export interface HostServices {
  readonly clock: PluginClock;
  readonly log: Logger;
  readonly shared: SharedRegistry;
  readonly served: Pick<ServedRegistry, 'serve' | 'commit' | 'release'>;
  readonly metrics: MetricsRegistry;
  readonly probe: Host['probe'];
  /** For exporters: all numbers of the balancer. */
  readonly snapshot: () => Promise<MetricsSnapshot>;
}

/** What the plugins of one generation share. */
export interface GenerationServices extends HostServices {
  /** Stands for the generation where things are claimed. */
  readonly claimant: Claimant;
  readonly own: GenerationMetrics;
}

/** What is different for a strategy, and for one inside another. */
export interface StrategySeat {
  /** Names what it keeps beside backends: the plugin, or its place inside another. */
  readonly path: string;
  /** The inner strategy that is the `index`-th, from 0. */
  readonly create: (use: StrategyUse, index: number) => InnerStrategy<never>;
}

export function createHost(plugin: PluginRuntime, pool: string, hooks: Hooks, services: GenerationServices, seat?: StrategySeat): Host {
  const { clock, shared, served, own, claimant } = services;
  const timers = new PluginTimers(plugin);
  const path = seat?.path ?? plugin.name;
  let inner = 0;
  return Object.freeze({
    pool,
    hooks,
    signal: plugin.signal,
    defer: (fn) => plugin.defer(fn),
    log: plugin.log,
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    random: () => clock.random(),
    every: (ms, fn) => timers.every(ms, fn),
    after: (ms, fn) => timers.after(ms, fn),
    probe: (backend, request, signal) => services.probe(backend, request, signal),
    serve: ({ host = '127.0.0.1', port }, handler) => served.serve(claimant, plugin.name, host, port, guardHandler(plugin, handler)),
    shared: (key, open, close) => shared.claim(claimant, plugin.name, key, open, close),
    perBackend: (init, key = '') => perBackend(path, key, init),
    strategy: (use) => {
      if (seat === undefined || plugin.isSetUp) throw misplaced(plugin, seat === undefined ? 'this is no strategy' : 'its create has returned');
      return seat.create(use, inner++);
    },
    counter: (name, options) => own.counter(name, options),
    gauge: (name, options) => own.gauge(name, options),
    histogram: (name, options) => own.histogram(name, options),
  } satisfies Host);
}

function misplaced(plugin: PluginRuntime, why: string): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_DEFINITION', {
    message: `plugin ${plugin.name} asked for an inner strategy, but ${why}`, hint: "call host.strategy in the create of defineStrategy, with a strategy of the options", source: 'plugin',
  });
}

/** State beside each backend. Strategies ask at each pick, so the answer is found by the backend's row, not by its name. */
function perBackend<T>(owner: string, key: string, init: (backend: Backend) => T): (backend: Backend) => T {
  const name = `${owner}/${key}`;
  const owners: (Backend | undefined)[] = [];
  const states: T[] = [];
  return (backend) => {
    const { row } = backend as BackendState;
    if (owners[row] === backend) return states[row]!;
    const kept = (backend as Partial<BackendState>).pluginState;
    if (kept === undefined) {
      throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `perBackend was given ${nameOf(backend)}, which is no backend of the balancer`, source: 'plugin' });
    }
    if (!kept.has(name)) kept.set(name, init(backend));
    // A row is given out again only after its backend was dropped: the old owner's state goes with it here.
    owners[row] = backend;
    return (states[row] = kept.get(name) as T);
  };
}

/** A handler that throws or rejects answers 500; one that already began its answer is cut off, so that nobody takes a part for the whole. */
function guardHandler(plugin: PluginRuntime, handler: ServeHandler): GuardedHandler {
  return (request, response) => {
    const fail = (thrown: unknown): void => {
      plugin.report('serve', thrown);
      answer500(response);
    };
    // A write behind the end is told as an event, and an 'error' that nobody hears ends the process.
    response.on('error', (error) => plugin.report('serve', error));
    try {
      Promise.resolve(handler(request, response)).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
    discardOnEnd(request, response);
  };
}

function answer500(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
  response.end('the plugin that serves this failed; the log says why\n');
}

/** A body that the handler never read must not keep the connection from its next request. */
function discardOnEnd(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => request.resume());
}

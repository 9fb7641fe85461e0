/** What one balancer has once and every generation uses, put together. */
import type { HealthChange, MetricFamily } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import { AddressCounts } from './board/address-counts.ts';
import { LocalRows, SharedRows, type Forget } from './board/rows.ts';
import { Scoreboard } from './board/scoreboard.ts';
import type { ControlServices } from './control/control-generation.ts';
import type { TrafficServices } from './generation.ts';
import { HealthMonitor } from './health/monitor.ts';
import { probe } from './health/probe.ts';
import { coreFamilyNames } from './metrics/core-names.ts';
import { CounterBook } from './metrics/counter-book.ts';
import { mergeFamilies } from './metrics/merge.ts';
import { processFamilies, ThreadMetrics } from './metrics/process.ts';
import { MetricsRegistry } from './metrics/registry.ts';
import { TrafficMetrics, type Panic } from './metrics/traffic.ts';
import { ServedRegistry, SharedRegistry } from './plugins.ts';
import type { PluginClock } from './plugins/runtime.ts';
import { EventLog } from './request/event-log.ts';
import type { BackendState } from './upstream/backend.ts';
import { BackendRegistry } from './upstream/registry.ts';
import { Resolver } from './upstream/resolver.ts';
import { chance } from './chance.ts';

/** Blocks of the scoreboard beside one for each worker: a worker that was wounded drains in its own, while another takes its place. */
const SPARE_BLOCKS = 2;

export const clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  random: () => chance(),
  after(ms: number, fn: () => void): () => void {
    // Node's timers go by whole milliseconds and come up to one early by `now`; who then looks at the clock finds it too soon.
    const timer = setTimeout(fn, ms + 1).unref();
    return () => clearTimeout(timer);
  },
} satisfies PluginClock & { after: unknown };

/** Of the main thread. */
export interface Services {
  readonly log: Logger;
  readonly control: ControlServices & { readonly served: ServedRegistry };
  readonly backends: BackendRegistry;
  readonly resolver: Resolver;
  readonly board: Scoreboard;
  readonly addresses: AddressCounts;
  /** With workers. */
  readonly rows: SharedRows | undefined;
  readonly book: CounterBook;
  readonly traffic: TrafficMetrics;
  readonly events: EventLog;
  readonly monitor: HealthMonitor;
  readonly thread: ThreadMetrics;
}

/** What the services tell the balancer, and ask it. */
export interface ServiceEvents {
  /** A backend's health changed, after the fact. */
  onFlip: (change: HealthChange) => void;
  /** Nothing should be kept ready for this backend: it is down, or gone. */
  onDown: (backend: BackendState) => void;
  /** Addresses of a name that backends have. */
  onAddresses: (host: string, addresses: readonly string[]) => void;
  /** A row of the scoreboard is not used in main any more. */
  onForget: (block: number, forget: Forget) => void;
  /** Pools of the config that serves. */
  panics: () => Panic[];
  /** Metrics of the data planes' plugins. */
  families: () => Promise<MetricFamily[]>;
}

export function createServices(log: Logger, workers: number, { onFlip, onDown, onAddresses, onForget, panics, families }: ServiceEvents): Services {
  const board = Scoreboard.create(workers === 0 ? { workers: 0, isShared: false } : { workers: workers + SPARE_BLOCKS, isShared: true });
  const addresses = AddressCounts.create(board.blocks, workers > 0);
  const book = new CounterBook(board);
  const traffic = new TrafficMetrics(board, book);
  const thread = new ThreadMetrics('main');
  const metrics = new MetricsRegistry(coreFamilyNames());
  const events = new EventLog(log);
  const flipped = (change: HealthChange): void => {
    const backend = change.backend as BackendState;
    traffic.healthChanged(backend, change.to);
    if (change.to === 'down') onDown(backend);
    const facts = { backend: change.backend.id, from: change.from, source: change.source };
    log[change.to === 'down' ? 'warn' : 'info'](facts, `${change.backend.id} is ${change.to}: ${change.reason}`);
    onFlip(change);
  };
  const resolver = new Resolver(log, undefined, onAddresses);
  const rows = workers === 0 ? undefined : new SharedRows(board, onForget);
  const backends = new BackendRegistry(board, resolver, flipped, onDown, rows ?? new LocalRows(board));
  const snapshot = async (): Promise<{ takenAt: number; families: MetricFamily[] }> => {
    const ofPlanes = await families();
    const own = [...traffic.snapshot(backends.newest(), panics()), ...metrics.snapshot(), ...processFamilies(), ...thread.snapshot()];
    return { takenAt: clock.wallTime(), families: mergeFamilies([own, ofPlanes]) };
  };
  return {
    log,
    control: { clock, log, probe, snapshot, shared: sharedRegistry(events), served: new ServedRegistry(), metrics, backends },
    backends, resolver, board, addresses, rows, book, traffic, events, thread,
    monitor: new HealthMonitor(clock, (source, error) => events.fault(error, `health check ${source} failed where it must not`)),
  };
}

/** Of a thread that carries traffic: the one of the balancer with `workers: 0`, or each worker. */
export function trafficServices(parts: Pick<TrafficServices, 'log' | 'board' | 'backends' | 'traffic' | 'shares'> & { events: EventLog }): TrafficServices {
  const { events, ...given } = parts;
  return {
    ...given, clock, probe, shared: sharedRegistry(events), served: NOTHING_SERVED, metrics: new MetricsRegistry(coreFamilyNames()),
    snapshot: () => Promise.reject(new Error('only exporters are given a snapshot, and they run in main')),
  };
}

function sharedRegistry(events: EventLog): SharedRegistry {
  return new SharedRegistry((plugin, thrown) => events.fault(thrown, `plugin ${plugin} could not close what it shared`));
}

/** Where the traffic is there may be many threads, and one port: who serves runs in main. The same with `workers: 0`, so that a plugin is not found out late. */
const NOTHING_SERVED: TrafficServices['served'] = {
  serve: (_claimant, plugin) => Promise.reject(new SteelyardError('ERR_SHARED', {
    message: `plugin ${plugin} serves, but runs in every worker`, hint: "say runs: 'main' in its definition: what serves exists once", source: 'plugin',
  })),
  commit: () => {},
  release: () => Promise.resolve(),
};

/** What one balancer has once and every generation uses, put together. */
import type { HealthChange } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { ControlServices } from './control/control-generation.ts';
import type { TrafficServices } from './generation.ts';
import { HealthMonitor } from './health/monitor.ts';
import { PassiveObserver } from './health/observer.ts';
import { probe } from './health/probe.ts';
import { coreFamilyNames } from './metrics/core-names.ts';
import { mergeFamilies } from './metrics/merge.ts';
import { processFamilies, ThreadMetrics } from './metrics/process.ts';
import { MetricsRegistry } from './metrics/registry.ts';
import { TrafficMetrics } from './metrics/traffic.ts';
import { ServedRegistry, SharedRegistry } from './plugins.ts';
import type { PluginClock } from './plugins/runtime.ts';
import { EventLog } from './request/event-log.ts';
import type { BackendState } from './upstream/backend.ts';
import { BackendRegistry } from './upstream/registry.ts';
import { Resolver } from './upstream/resolver.ts';
import { Scoreboard } from './workers/scoreboard.ts';
import type { Planes } from './workers/planes.ts';

export const clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  random: () => Math.random(),
  after(ms: number, fn: () => void): () => void {
    // Node's timers go by whole milliseconds and come up to one early by `now`; who then looks at the clock finds it too soon.
    const timer = setTimeout(fn, ms + 1).unref();
    return () => clearTimeout(timer);
  },
} satisfies PluginClock & { after: unknown };

/** Of the main thread. */
export interface Services {
  readonly control: ControlServices & { readonly served: ServedRegistry };
  /** For traffic in this thread: `workers: 0`. */
  readonly traffic: TrafficServices;
  readonly metrics: TrafficMetrics;
  readonly events: EventLog;
  readonly monitor: HealthMonitor;
  readonly observer: PassiveObserver;
  readonly thread: ThreadMetrics;
}

/** What the services tell the balancer. */
export interface ServiceEvents {
  /** A backend's health changed, after the fact. */
  onFlip: (change: HealthChange) => void;
  /** Nothing should be kept ready for this backend: it is down, or gone. */
  onDown: (backend: BackendState) => void;
  /** Asked at each snapshot of the metrics. */
  planes: () => Planes;
}

export function createServices(log: Logger, { onFlip, onDown, planes }: ServiceEvents): Services {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const traffic = new TrafficMetrics(board);
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
  const backends = new BackendRegistry(board, new Resolver(log), flipped, onDown);
  const snapshot = async (): Promise<{ takenAt: number; families: ReturnType<typeof mergeFamilies> }> => {
    const ofPlanes = await planes().families();
    const families = mergeFamilies([[...traffic.snapshot(backends.newest()), ...metrics.snapshot(), ...processFamilies(), ...thread.snapshot()], ofPlanes]);
    return { takenAt: clock.wallTime(), families };
  };
  const host = { clock, log, probe, snapshot, shared: new SharedRegistry((plugin, thrown) => events.fault(thrown, `plugin ${plugin} could not close what it shared`)) };
  const monitor = new HealthMonitor(clock, (source, error) => events.fault(error, `health check ${source} failed where it must not`));
  return {
    control: { ...host, served: new ServedRegistry(), metrics, backends },
    traffic: { ...host, served: NOTHING_SERVED, metrics: new MetricsRegistry(coreFamilyNames()), board, backends, traffic, shares: 1 },
    metrics: traffic,
    events,
    monitor,
    observer: new PassiveObserver(() => clock.now(), {
      failing: (backend, source, failures, last) => monitor.failing(backend, source, failures, last),
      served: (backend, source) => monitor.served(backend, source),
      fault: (source, error) => events.fault(error, `health check ${source} failed where it must not`),
    }),
    thread,
  };
}

/** Where the traffic is there may be many threads, and one port: who serves runs in main. The same with `workers: 0`, so that a plugin is not found out late. */
export const NOTHING_SERVED: Pick<ServedRegistry, 'serve' | 'commit' | 'release'> = {
  serve: (_claimant, plugin) => Promise.reject(new SteelyardError('ERR_SHARED', {
    message: `plugin ${plugin} serves, but runs in every worker`, hint: "say runs: 'main' in its definition: what serves exists once", source: 'plugin',
  })),
  commit: () => {},
  release: () => Promise.resolve(),
};

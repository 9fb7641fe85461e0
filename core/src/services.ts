/** What one balancer has once and every generation uses, put together. */
import type { HealthChange, MetricFamily } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { GenerationServices } from './generation.ts';
import { HealthMonitor } from './health/monitor.ts';
import { probe } from './health/probe.ts';
import { coreFamilyNames } from './metrics/core-names.ts';
import { ProcessMetrics } from './metrics/process.ts';
import { MetricsRegistry } from './metrics/registry.ts';
import { TrafficMetrics } from './metrics/traffic.ts';
import { ServedRegistry, SharedRegistry } from './plugins.ts';
import { EventLog } from './request/event-log.ts';
import type { BackendState } from './upstream/backend.ts';
import { BackendRegistry } from './upstream/registry.ts';
import { Resolver } from './upstream/resolver.ts';
import { Scoreboard } from './workers/scoreboard.ts';

export interface Services extends GenerationServices {
  readonly events: EventLog;
  readonly monitor: HealthMonitor;
  readonly process: ProcessMetrics;
}

/**
 * @param onFlip a backend's health changed, after the fact.
 * @param onDown nothing should be kept ready for this backend: it is down, or gone.
 */
export function createServices(log: Logger, onFlip: (change: HealthChange) => void, onDown: (backend: BackendState) => void): Services {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const traffic = new TrafficMetrics(board);
  const processMetrics = new ProcessMetrics();
  const metrics = new MetricsRegistry(coreFamilyNames());
  const events = new EventLog(log);
  const clock = {
    now: () => performance.now(),
    wallTime: () => Date.now(),
    random: () => Math.random(),
    after(ms: number, fn: () => void): () => void {
      // Node's timers go by whole milliseconds and come up to one early by `now`; who then looks at the clock finds it too soon.
      const timer = setTimeout(fn, ms + 1).unref();
      return () => clearTimeout(timer);
    },
  };
  const flipped = (change: HealthChange): void => {
    const backend = change.backend as BackendState;
    traffic.healthChanged(backend, change.to);
    if (change.to === 'down') onDown(backend);
    const facts = { backend: change.backend.id, from: change.from, source: change.source };
    log[change.to === 'down' ? 'warn' : 'info'](facts, `${change.backend.id} is ${change.to}: ${change.reason}`);
    onFlip(change);
  };
  const backends = new BackendRegistry(board, new Resolver(log), flipped, onDown);
  const snapshot = (): MetricFamily[] => [...traffic.snapshot(backends.newest()), ...metrics.snapshot(), ...processMetrics.snapshot()];
  return {
    clock,
    log,
    shared: new SharedRegistry((plugin, thrown) => events.fault(thrown, `plugin ${plugin} could not close what it shared`)),
    served: new ServedRegistry(),
    metrics,
    probe,
    snapshot: async () => ({ takenAt: clock.wallTime(), families: snapshot() }),
    board,
    backends,
    traffic,
    events,
    monitor: new HealthMonitor(clock, (source, error) => events.fault(error, `health check ${source} failed where it must not`)),
    process: processMetrics,
  };
}

/** The data planes of a balancer, by the number of its workers. */
import type { ConfigEnv } from '@steelyard/sdk';
import { DataThread } from '../data-thread.ts';
import { PassiveObserver } from '../health/observer.ts';
import type { LoggerForm } from '../log.ts';
import { clock, trafficServices, type Services } from '../services.ts';
import { NodeSocketEngine } from '../sockets/node-sockets.ts';
import { clockOffsetMs } from './clock-offset.ts';
import { LocalPlanes } from './local-planes.ts';
import type { Planes } from './planes.ts';
import { canSharePorts } from './worker-count.ts';
import { WorkerPlanes } from './worker-planes.ts';

export interface PlanesOptions {
  readonly workers: number;
  /** With workers: what each of them loads. */
  readonly configFile: string;
  readonly command: ConfigEnv['command'];
  readonly log: LoggerForm;
  readonly followsLogLevel: boolean;
  /** Runs a step when no reload is under way. */
  readonly inTurn: <T>(step: () => Promise<T>) => Promise<T>;
}

export function createPlanes(services: Services, options: PlanesOptions): Planes {
  if (options.workers === 0) return localPlanes(services);
  const { workers, inTurn, configFile, command, log, followsLogLevel } = options;
  const birth = { configFile, command, log, followsLogLevel, clockOffsetMs: clockOffsetMs() };
  return new WorkerPlanes({ ...services, rows: services.rows!, birth, workers, isShared: canSharePorts(), inTurn });
}

function localPlanes({ log, events, board, addresses, backends, traffic, monitor }: Services): Planes {
  const observer = new PassiveObserver(() => clock.now(), {
    failing: (backend, source, failures, last) => monitor.failing(backend, source, failures, last),
    served: (backend, source) => monitor.served(backend, source),
    fault: (source, error) => events.fault(error, `health check ${source} failed where it must not`),
  });
  const thread = new DataThread(new NodeSocketEngine(), traffic, events, (backend, outcome) => observer.observe(backend, outcome), { board, addresses, shares: 1 });
  return new LocalPlanes(thread, trafficServices({ log, events, board, backends, traffic, shares: 1 }), observer);
}

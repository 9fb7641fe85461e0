/** How many worker threads there are, from what the command line, the config and the machine say. */
import { availableParallelism } from 'node:os';
import type { ConfigEnv } from '@steelyard/sdk';
import type { ConfigFault } from './faults.ts';
import { ConfigError, reportFaults } from './report.ts';

/** More than the cores of nearly any machine; each worker has a heap and an event loop of its own. */
export const MAX_WORKERS = 64;

/**
 * 0 = everything in the main thread. The command line (or `createBalancer({ workers })`) goes before the config. Where both are silent,
 * `start` has one per core, and a balancer inside a program none.
 * @param asked `auto` = one per core
 */
export function workerCount(asked: number | 'auto' | undefined, configured: number | undefined, command: ConfigEnv['command']): number {
  if (typeof asked === 'number') return asked;
  if (asked === 'auto') return onePerCore();
  return configured ?? (command === 'embed' ? 0 : onePerCore());
}

function onePerCore(): number {
  return Math.min(availableParallelism(), MAX_WORKERS);
}

/**
 * For a config that is an object (or a function of a program) and not a file: each worker would have to load it, and cannot.
 * @throws ConfigError ERR_CONFIG when it asks for workers
 */
export function refuseWorkers(workers: number | undefined): void {
  if (workers === undefined || workers === 0) return;
  const fault: ConfigFault = {
    path: 'workers',
    problem: `is ${workers}, must be 0 in a config that is given as an object: functions cannot cross threads, so each worker loads the config for itself`,
    hint: `put it into a file: createBalancer({ configFile: 'balancer.config.ts', workers: ${workers} })`,
    code: 'ERR_CONFIG',
  };
  throw new ConfigError('ERR_CONFIG', reportFaults([fault]), { faults: [fault] });
}

/** How many workers there are, and what that costs on this system. */
import { readFileSync } from 'node:fs';
import type { ConfigEnv } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { ResolvedConfig } from '../config/resolved.ts';
import { refuseWorkers, workerCount } from '../config/workers.ts';

/** Where the system shares a port's connections out among the sockets that bind it (SO_REUSEPORT), by what Node documents for `reusePort`. */
const SHARING: readonly NodeJS.Platform[] = ['linux', 'freebsd', 'sunos', 'aix'];

export function canSharePorts(): boolean {
  return SHARING.includes(process.platform);
}

interface CountFacts {
  /** On the command line, or to `createBalancer`. */
  readonly given: number | 'auto' | undefined;
  readonly resolved: ResolvedConfig;
  readonly isFile: boolean;
  readonly command: ConfigEnv['command'];
  readonly log: Logger;
}

/** @throws ConfigError when workers are wanted and there is no file that they could load */
export function countWorkers({ given, resolved, isFile, command, log }: CountFacts): number {
  if (!isFile) {
    refuseWorkers(resolved.workers);
    return 0;
  }
  const count = workerCount(given, resolved.workers, command);
  if (count <= 1 || canSharePorts()) return count;
  log.warn({ workers: 1 }, `there is one worker: this system (${process.platform}) does not share a port among threads`);
  return 1;
}

/** Linux drops what waits in the queue of a listening socket that closes, unless told to give it to another one of the same port. */
export function warnOfLostQueues(log: Logger): void {
  if (process.platform !== 'linux') return;
  let value: string;
  try {
    value = readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim();
  } catch {
    return; // Before Linux 5.14 there is no such setting.
  }
  if (value === '0') log.warn('net.ipv4.tcp_migrate_req is 0: when a worker ends, connections that it has not accepted yet are reset (sysctl -w net.ipv4.tcp_migrate_req=1 moves them to the others)');
}

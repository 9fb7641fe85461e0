/** What a program may say to `createBalancer` beside the config. */
import type { ConfigEnv } from '@steelyard/sdk';
import type { Logger } from 'pino';
import type { LoggerForm } from './log.ts';

export interface BalancerOptions {
  /** Default: a pino logger that writes JSON lines to standard output. */
  logger?: Logger;
  /** Whether the logger's level follows `log.level` of each config. Default: only when no logger was given. */
  followsLogLevel?: boolean;
  /** What a config that is a function is told. Default `embed`. */
  command?: ConfigEnv['command'];
}
export interface FileOptions extends BalancerOptions {
  /** `balancer.config.ts`, or `.js`, `.mjs`, `.json`. */
  configFile: string;
  /** Threads that carry traffic, 0 to 64; `auto` = one per core. Default: the config's `workers`, else 0. */
  workers?: number | 'auto';
  /** How workers log. Default: through `logger`, if there is one. */
  workerLog?: LoggerForm;
}

/** `steelyard start`: a balancer as a process, with its signals. */
import { relative } from 'node:path';
import { describeError } from '@steelyard/sdk';
import type { Logger } from 'pino';
import { createBalancer, type Balancer } from '../balancer.ts';
import { ConfigError } from '../config/report.ts';
import type { Arguments } from './arguments.ts';
import { banner } from './banner.ts';
import { needConfig } from './config-path.ts';
import { createThreadLogger } from '../log.ts';
import { loggerForm } from './logger.ts';
import { version } from './version.ts';
import { FileWatch } from './watch.ts';

/** Resolves with the exit code when the balancer has stopped. @throws what keeps it from starting */
export async function start({ config, logLevel, json, watch, workers }: Arguments): Promise<number> {
  const startedAt = performance.now();
  const configFile = needConfig(config, process.cwd());
  const isTerminal = process.stdout.isTTY && !json;
  const workerLog = loggerForm(logLevel ?? 'info', isTerminal);
  const log = createThreadLogger(workerLog);
  logStrayErrors(log);
  const balancer = createBalancer({ configFile, command: 'start', logger: log, followsLogLevel: logLevel === undefined, workerLog, ...(workers === undefined ? {} : { workers }) });
  const started = balancer.start();
  // Before the first wait: a signal without a handler would end the process.
  const stopped = stopOnSignal(balancer, started, log);
  const reload = reloadOnSignal(balancer, started, configFile);
  await started;
  tellReady(balancer, log, { configFile: relative(process.cwd(), configFile), readyMs: performance.now() - startedAt, isTerminal });
  const fileWatch = watch ? await FileWatch.open({ ...reload, log }) : undefined;
  if (fileWatch) log.info({ files: reload.files() }, 'watching for changes');
  const code = await stopped;
  fileWatch?.close();
  return code;
}

function tellReady(balancer: Balancer, log: Logger, facts: { configFile: string; readyMs: number; isTerminal: boolean }): void {
  const { configFile, readyMs, isTerminal } = facts;
  const description = balancer.describe();
  if (isTerminal) console.log(banner({ version: version(), configFile, readyMs, description }));
  else log.info({ pid: process.pid, version: version(), config: configFile, readyMs: Math.round(readyMs), ...description }, 'ready');
}

const SAME_SIGNAL_MS = 500;

/** Resolves when a signal asked for the end and the balancer came to it. The second signal does not wait. */
function stopOnSignal(balancer: Balancer, started: Promise<void>, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    let stoppingSince: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stoppingSince !== undefined) {
        // A terminal and npm each pass on the same Ctrl-C: that is one wish.
        if (signal === 'SIGINT' && performance.now() - stoppingSince < SAME_SIGNAL_MS) return;
        log.warn({ signal }, `${signal} again: stopped at once`);
        process.exit(1);
      }
      stoppingSince = performance.now();
      log.info({ signal }, `${signal}: no new connections, open exchanges may end`);
      started.then(() => balancer.stop()).then(
        () => resolve(0),
        (error: unknown) => {
          log.error(`the stop failed: ${describeError(error)}`);
          resolve(1);
        },
      );
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}

/** SIGHUP and the file watch do the same. Why a reload was refused is in the log, written by the balancer. */
function reloadOnSignal(balancer: Balancer, started: Promise<void>, configFile: string): { files: () => readonly string[]; onChange: () => Promise<void> } {
  // What a config that failed had imported: mending one of those is a reason to try again.
  let ofFailed: readonly string[] = [];
  const reload = async (): Promise<void> => {
    try {
      await started;
      await balancer.reload();
      ofFailed = [];
    } catch (thrown) {
      ofFailed = thrown instanceof ConfigError ? thrown.files : ofFailed;
    }
  };
  process.on('SIGHUP', () => void reload());
  return { files: () => [...new Set([configFile, ...balancer.watchFiles(), ...ofFailed])], onChange: reload };
}

/** The process goes on: one broken promise of a plugin must not cut every client off. */
function logStrayErrors(log: Logger): void {
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, `unhandled rejection: ${describeError(reason)}`));
  process.on('uncaughtException', (error) => log.error({ err: error }, `uncaught exception: ${describeError(error)}`));
}

/**
 * The log, in the command and in an embedded balancer, in main and in workers: level by name, time in ISO 8601, a line at most 4,096 bytes.
 * Every thread writes its lines to standard output itself, each whole in one write. Where a program gave a logger of its own, workers send their lines to main.
 */
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { pino, type Logger, type LoggerOptions } from 'pino';
import type * as PinoPretty from 'pino-pretty';
import type { ResolvedConfig } from './config/resolved.ts';
import { fitJsonLine, fitText } from './log/fit-line.ts';
import { LineOutput } from './log/line-output.ts';
import { serializedError } from './log/serialized-error.ts';

export { relayLine } from './log/relay.ts';

export const LOG_FORM: LoggerOptions = {
  name: 'steelyard',
  base: undefined,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
  serializers: { err: serializedError },
};

type Level = ResolvedConfig['log']['level'];
/** How a thread logs; may be sent to another thread. */
export type LoggerForm =
  | { kind: 'stdout'; level: Level; /** For people, not JSON. */ pretty: boolean; colorize: boolean }
  /** Through main, which has a logger that cannot be sent. */
  | { kind: 'message'; level: Level };

export interface ThreadLoggerOptions {
  /** The number of the worker, in each of its lines as `worker`. Default: none, for main. */
  worker?: number;
  /** Of the form `message`: takes each finished line, for `relayLine` in main. */
  onLine?: (line: string) => void;
}

/** A logger for this thread. It never throws, and never waits for the reader of a pipe that Node has made non-blocking. */
export function createThreadLogger(form: LoggerForm, { worker, onLine = () => {} }: ThreadLoggerOptions = {}): Logger {
  const options: LoggerOptions = { ...LOG_FORM, base: worker === undefined ? undefined : { worker }, level: form.level };
  return pino(options, { write: form.kind === 'message' ? onLine : standardOutput(form, options) });
}

function standardOutput({ pretty, colorize }: { pretty: boolean; colorize: boolean }, options: LoggerOptions): (line: string) => void {
  // Node makes a pipe non-blocking when its stream is opened: a reader that stands still must stop no thread. In a worker the stream is another thing.
  if (isMainThread) void process.stdout;
  const finish = pretty ? prettyLines(colorize) : fitJsonLine;
  let lossLine = '';
  const losses = pino({ ...options, level: 'error' }, { write: (line) => { lossLine = finish(line); } });
  const output = new LineOutput({
    lossLine(lost, reason) {
      losses.error({ lost, reason }, `${lost} log lines before this one are lost`);
      return lossLine;
    },
  });
  return (line) => output.write(finish(line));
}

function prettyLines(colorize: boolean): (line: string) => string {
  // Loaded by those who ask for it: it takes nearly as long to load as pino.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as { prettyFactory: typeof PinoPretty.prettyFactory };
  const toText = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname,name', singleLine: true });
  return (line) => fitText(toText(fitJsonLine(line)));
}

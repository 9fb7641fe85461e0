/** The process's log: pretty in a terminal, JSON lines in a pipe, on standard output. */
import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { LOG_FORM } from '../log.ts';
import type { LogLevel } from './arguments.ts';

export function createLogger(level: LogLevel, pretty: boolean): Logger {
  const options = { ...LOG_FORM, level };
  // Synchronous: what is said before an exit must be out, and a line goes out in one write.
  if (!pretty) return pino(options, pino.destination({ fd: 1, sync: true }));
  const { formatters: _labels, ...numbered } = options;
  return pino(numbered, PinoPretty({ sync: true, colorize: process.stdout.hasColors(), translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname,name', singleLine: true }));
}

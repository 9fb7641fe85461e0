/** The process's log: pretty in a terminal, JSON lines in a pipe, on standard output. */
import type { LoggerForm } from '../log.ts';
import type { LogLevel } from './arguments.ts';

/** For the workers as well: they cannot ask the terminal. */
export function loggerForm(level: LogLevel, pretty: boolean): LoggerForm {
  return { kind: 'stdout', level, pretty, colorize: pretty && process.stdout.hasColors() };
}

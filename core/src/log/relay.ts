/** Lines of workers through a logger that lives in main, because a program gave it. */
import type { Logger } from 'pino';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * Logs a worker's line, as `createThreadLogger` of the form `message` gave it, with the same level, fields and message.
 * Time and name are the logger's own.
 */
export function relayLine(logger: Logger, line: string): void {
  const { level, time: _time, name: _name, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const method = LEVELS.find((each) => each === level) ?? 'error';
  logger[method](revived(fields), typeof msg === 'string' ? msg : undefined);
}

/**
 * An error was serialized in the worker, and the logger will do it again: pino's serializer takes the type from the constructor, so that
 * every error would be an `Object`. Without a prototype it keeps the type that it finds.
 */
function revived(fields: Record<string, unknown>): Record<string, unknown> {
  const { err } = fields;
  return typeof err === 'object' && err !== null ? { ...fields, err: Object.assign(Object.create(null) as object, err) } : fields;
}

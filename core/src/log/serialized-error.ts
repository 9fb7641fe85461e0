/** What a log line tells of something thrown. */
import { describeError } from '@steelyard/sdk';
import { pino } from 'pino';

/**
 * What errors of Node and of ours say of themselves. Errors of other libraries carry whole requests as properties (`config.headers.authorization`,
 * `response`), and no list of names to hide knows them all: what is not named here stays out.
 */
const TOLD = ['code', 'errno', 'syscall', 'address', 'port', 'hostname', 'signal', 'source', 'retry', 'hint'] as const;
/** An error of many errors may hold itself. */
const MAX_DEPTH = 4;

/** Type, message and stack, with those of the causes, and the properties of `TOLD` that are text or numbers. What is no error is told in a sentence. Never throws. */
export function serializedError(thrown: unknown): unknown {
  try {
    return told(thrown, 0);
  } catch {
    // What a plugin throws may throw again when it is looked at: that must not leave `log.error()`, which is called where nothing catches.
    return { type: 'Error', message: describeError(thrown), stack: '' };
  }
}

function told(thrown: unknown, depth: number): unknown {
  // pino knows an error by its message, in whatever realm it was made.
  if (typeof thrown !== 'object' || thrown === null || typeof (thrown as Error).message !== 'string') return describeError(thrown);
  const { type, message, stack } = pino.stdSerializers.err(bare(thrown as Error));
  const error: Record<string, unknown> = { type, message, stack };
  for (const name of TOLD) {
    const value = (thrown as Record<string, unknown>)[name];
    if (typeof value === 'string' || typeof value === 'number') error[name] = value;
  }
  // `errors` of what was thrown here; `aggregateErrors` of what a worker has serialized before.
  const { errors, aggregateErrors } = thrown as { errors?: unknown; aggregateErrors?: unknown };
  const several = Array.isArray(errors) ? errors : aggregateErrors;
  if (Array.isArray(several) && depth < MAX_DEPTH) error['aggregateErrors'] = several.map((each) => told(each, depth + 1));
  return error;
}

/** What pino needs for the sentence, the stack and the causes of both. It would go through all else as well, in rings too. */
function bare(thrown: Error): Error {
  const copy = Object.create(Object.getPrototypeOf(thrown) as object | null) as Record<string, unknown>;
  // `type`: of one that a worker has serialized before.
  for (const name of ['name', 'type', 'message', 'stack', 'cause']) {
    const value = (thrown as unknown as Record<string, unknown>)[name];
    if (value !== undefined) Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return copy as unknown as Error;
}

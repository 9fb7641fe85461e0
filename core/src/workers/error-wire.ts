/** Errors on their way between threads: `postMessage` keeps the message of an error, and drops its code, its hint and its faults. */
import { isSteelyardError, SteelyardError, type ErrorCode } from '@steelyard/sdk';
import { ConfigError } from '../config/report.ts';
import type { ConfigFault } from '../config/faults.ts';

export interface ErrorWire {
  /** '' = none of ours. */
  readonly code: ErrorCode | '';
  readonly message: string;
  readonly hint: string;
  readonly source: string;
  readonly stack: string;
  readonly faults?: readonly ConfigFault[];
  readonly files?: readonly string[];
  readonly cause?: ErrorWire;
}

/** A chain of causes may be a ring. */
const MAX_CAUSES = 8;

export function toWire(thrown: unknown, depth = 0): ErrorWire {
  try {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const cause = error.cause === undefined || depth === MAX_CAUSES ? {} : { cause: toWire(error.cause, depth + 1) };
    // Whatever else they are, as an error of somebody else's may have them, could not be posted.
    const text = { message: textOf(error.message), stack: textOf(error.stack ?? ''), ...cause };
    if (!isSteelyardError(error)) return { code: '', hint: '', source: '', ...text };
    const config = error instanceof ConfigError ? { faults: error.faults, files: error.files } : {};
    return { code: error.code, hint: textOf(error.hint), source: textOf(error.source), ...text, ...config };
  } catch {
    // Its getters are somebody else's code.
    return { code: '', message: 'what was thrown cannot be described', hint: '', source: '', stack: '' };
  }
}

export function fromWire(wire: ErrorWire): Error {
  const { code, message, hint, source, stack } = wire;
  const cause = wire.cause === undefined ? undefined : fromWire(wire.cause);
  let error: Error;
  if (code === '') error = cause === undefined ? new Error(message) : new Error(message, { cause });
  else if (wire.files) error = Object.assign(new ConfigError(code, message, { hint, cause, faults: wire.faults ?? [] }), { files: wire.files });
  else error = new SteelyardError(code, { message, hint, source: source as 'balancer', cause });
  // Where it was thrown, which is in another thread.
  error.stack = stack;
  return error;
}

/** Of what is a string by its type, and may be anything in an error of somebody else's making. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : String(value);
}

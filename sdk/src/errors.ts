/** Every error of Steelyard has one of these codes; compare `code`, never the message. The README lists them (a test holds both together). */
export const ERROR_CODES = {
  ERR_CONFIG: 'the config has faults; the report lists each with its path',
  ERR_CONFIG_LOAD: 'the config file could not be read or run',
  ERR_CONFIG_NOT_FOUND: 'there is no config file where one was looked for',
  ERR_USAGE: 'the command line is not understood',
  ERR_LISTEN: 'a listener cannot bind its address',
  ERR_PLUGIN_CREATE: 'a plugin threw, or took too long, while it was set up',
  ERR_PLUGIN_DEFINITION: 'a plugin was defined wrongly: its name, its schema or its functions',
  ERR_PLUGIN_DEPENDENCY: 'a plugin needs a library that is not installed',
  ERR_PLUGIN_LATE_TAP: 'a plugin tapped a hook after its set-up had ended',
  ERR_PLUGIN_OPTIONS: 'the options of a plugin do not fit its schema',
  ERR_PLUGIN_TAP: 'a tap threw, returned nonsense, or overran its time limit',
  ERR_PLUGIN_QUARANTINE: 'a plugin that keeps failing is not called for a while; its onFailure answer is given',
  ERR_HEAD_EDIT: 'a plugin wrote a header or target that must not be sent',
  ERR_DISCOVERY: 'a discovery published no list of backends in time, or one with faults',
  ERR_STATE: 'the balancer was asked for something that its state does not allow, such as start twice',
  ERR_REFUSED: 'a plugin refused the connection or answered in place of a backend',
  ERR_NO_ROUTE: 'no route matches the request: 404',
  ERR_NO_BACKEND: 'no backend of the pool is available: 503',
  ERR_REQUEST_MALFORMED: 'the request breaks the grammar of HTTP/1.1 (RFC 9112): 400, connection closed',
  ERR_REQUEST_METHOD: 'the request method is not supported here (CONNECT): 501, connection closed',
  ERR_REQUEST_VERSION: 'the HTTP version is not 1.0 or 1.1: 505, connection closed',
  ERR_REQUEST_TRANSFER_CODING: 'the request has a transfer coding other than chunked: 501, connection closed',
  ERR_REQUEST_EXPECT: 'the request expects something other than 100-continue: 417, connection closed',
  ERR_REQUEST_HEAD_SIZE: 'the request head is over maxHeadBytes, maxHeaders or maxHeaderLineBytes, or its trailers over maxTrailerBytes: 431, connection closed',
  ERR_REQUEST_TARGET_SIZE: 'the request target is over maxTargetBytes: 414, connection closed',
  ERR_REQUEST_BODY_SIZE: 'the request body is over maxBodyBytes: 413, connection closed',
  ERR_REQUEST_TIMEOUT: 'the client took too long to send its request, or was slower than minBodyBytesPerSecond: 408, connection closed',
  ERR_UPSTREAM_CONNECT: 'no connection to the backend: refused, unreachable or reset',
  ERR_UPSTREAM_CONNECT_TIMEOUT: 'the backend did not accept the connection in time',
  ERR_UPSTREAM_CLOSED: 'the backend closed or reset the connection before the response was complete',
  ERR_UPSTREAM_TIMEOUT: 'the backend did not answer, or stopped in its answer, for too long',
  ERR_UPSTREAM_MALFORMED: 'the response breaks the grammar of HTTP/1.1 (RFC 9112), or is over the limits of a head',
  ERR_CLIENT_CLOSED: 'the client left before its response was complete',
  ERR_CLIENT_STALLED: 'the client read nothing for too long, or was slower than minResponseBytesPerSecond',
  ERR_EXCHANGE_TIMEOUT: 'the exchange as a whole took longer than requestMs: 504, or a reset if the response had begun',
  ERR_DESCRIPTORS: 'the process had no file descriptor left for a connection to a backend: 503',
  ERR_TUNNEL_IDLE: 'a TCP or upgraded connection had no byte either way for too long',
  ERR_DRAIN_LIMIT: 'the exchange was cut because the balancer or its listener stopped and the drain limit was over',
  ERR_PROBE: 'a probe was answered wrongly, or not at all',
  ERR_WORKER: 'a worker thread could not start, or ended before it had done what it was asked',
  ERR_SHARED: 'what a plugin shares (host.shared, host.serve) could not be opened',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** The sentence for people. Default: what the code means. */
  message?: string;
  /** What to do about it, as a sentence or a question: `is 10.0.0.1:80 listening?` */
  hint?: string;
  /** Where the fault lies. */
  source?: 'config' | 'plugin' | 'client' | 'upstream' | 'balancer';
  cause?: unknown;
}

/** The only error class of the public surface. Two copies of the SDK may meet in one process: test `code`, not `instanceof`. */
export class SteelyardError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly source: string;
  override name = 'SteelyardError';

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERROR_CODES[code], details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? '';
    this.source = details.source ?? 'balancer';
  }
}

export function isSteelyardError(thrown: unknown): thrown is SteelyardError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' && thrown.code in ERROR_CODES;
}

/** One sentence of whatever was thrown, with the sentences of its causes behind. */
export function describeError(thrown: unknown): string {
  try {
    return sentenceOf(thrown, 0);
  } catch {
    // Whatever was thrown, nobody may fail over describing it: its getters and its `toString` are somebody else's code.
    return 'what was thrown cannot be described';
  }
}

/** A chain of causes may be a ring. */
const MAX_CAUSES = 8;

function sentenceOf(thrown: unknown, depth: number): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.message || thrown.name;
  const hint = 'hint' in thrown && typeof thrown.hint === 'string' && thrown.hint !== '' ? ` (${thrown.hint})` : '';
  return thrown.cause === undefined || depth === MAX_CAUSES ? own + hint : `${own}: ${sentenceOf(thrown.cause, depth + 1)}${hint}`;
}

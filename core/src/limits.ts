/**
 * The limits that clients meet, as the metric `steelyard_limit_hits_total` names them. The number of a limit is its cell in the listener's row
 * of the scoreboard: a hit costs one addition.
 */
export const LIMIT_NAMES = [
  // What a request may weigh: answered by a status.
  'head_bytes', 'target_bytes', 'headers', 'header_line_bytes', 'body_bytes', 'chunk_extension_bytes', 'trailer_bytes',
  // What a connection may carry.
  'pipelined_bytes', 'requests_per_connection',
  // Who gets in.
  'connections', 'total_connections', 'address_connections', 'new_connections', 'descriptors', 'loop_delay',
  // How long it may take.
  'head_time', 'body_time', 'body_rate', 'write_time', 'write_rate', 'idle_time', 'request_time', 'tunnel_idle_time',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

export const HEAD_BYTES = 0;
export const TARGET_BYTES = 1;
export const HEADERS = 2;
export const HEADER_LINE_BYTES = 3;
export const BODY_BYTES = 4;
export const CHUNK_EXTENSION_BYTES = 5;
export const TRAILER_BYTES = 6;
export const PIPELINED_BYTES = 7;
export const REQUESTS_PER_CONNECTION = 8;
export const CONNECTIONS = 9;
export const TOTAL_CONNECTIONS = 10;
export const ADDRESS_CONNECTIONS = 11;
export const NEW_CONNECTIONS = 12;
export const DESCRIPTORS = 13;
export const LOOP_DELAY = 14;
export const HEAD_TIME = 15;
export const BODY_TIME = 16;
export const BODY_RATE = 17;
export const WRITE_TIME = 18;
export const WRITE_RATE = 19;
export const IDLE_TIME = 20;
export const REQUEST_TIME = 21;
export const TUNNEL_IDLE_TIME = 22;

/** No limit was met. */
export const NO_LIMIT = -1;

/** The shape of a config. What stands in the places of plugins, and what refers to something else, is checked by `resolve`. */
import { addShapeFaults, ajv, choice, keysOf, type Shape } from './shape.ts';
import type { Faults } from './faults.ts';
import { MAX_WORKERS } from './workers.ts';

/** Of a timer, and of a cell of the scoreboard. */
const MAX_INT = 2_147_483_647;
const integer = (minimum: number, maximum: number): Shape => ({ type: 'integer', minimum, maximum });
const ms = (minimum = 1, maximum = MAX_INT): Shape => ({ type: 'integer', minimum, maximum, says: `a whole number of milliseconds from ${minimum} to ${maximum}` });
const closed = (properties: Record<string, Shape>, required: readonly string[] = [], more: Shape = {}): Shape => ({
  type: 'object', properties, required, additionalProperties: false, ...more,
});
/** An item, or a list of such items. */
const some = (item: Shape, says: string): Shape => 
  choice({ type: 'array' }, { type: 'array', items: item, minItems: 1, says: 'a list that is not empty' }, { ...item, says }, says);
const bytesOrNull: Shape = { type: ['integer', 'null'], minimum: 0, maximum: Number.MAX_SAFE_INTEGER, says: 'a whole number of bytes, or null for no limit' };
const orNull = (shape: Shape, unit: string): Shape => ({ ...shape, type: ['integer', 'null'], says: `a whole number${unit} from ${String(shape.minimum)} to ${String(shape.maximum)}, or null for no limit` });
/** Left to `resolve`, which knows plugins. */
const anything: Shape = {};
const plugins: Shape = { type: 'array', says: 'a list of plugins' };

/** Names go into metrics, logs and the ids of backends. */
const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$';
const name: Shape = { type: 'string', pattern: NAME_PATTERN, says: 'a name of 1 to 100 letters, digits, ".", "_" and "-", beginning with a letter or digit' };
/** RFC 9110 §5.6.2: token. */
const token = (says: string): Shape => ({ type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", says });
const NOT_BUILT = 'TLS on listeners is not built yet: let it end in front of Steelyard, and listen with protocol "http" or "tcp"';

export const TLS_TO_BACKENDS = 'TLS to backends is not built yet: use http:// or tcp:// on a network that you trust';

const PROTOCOLS = ['http', 'tcp'] as const;
const MAX_CONNECTIONS = 1_000_000;
const MAX_RATE = 1_000_000_000;
const limits = closed({
  maxHeadBytes: integer(1_024, 1_048_576),
  maxTargetBytes: integer(64, 1_048_576),
  maxHeaders: integer(1, 1_000),
  maxHeaderLineBytes: integer(64, 1_048_576),
  maxBodyBytes: bytesOrNull,
  maxChunkExtensionBytes: integer(0, 1_048_576),
  maxTrailerBytes: integer(2, 65_536),
  maxPipelinedBytes: integer(1_024, 1_048_576),
  maxRequestsPerConnection: orNull(integer(1, MAX_RATE), ''),
  minBodyBytesPerSecond: orNull(integer(1, MAX_RATE), ' of bytes per second'),
  minResponseBytesPerSecond: orNull(integer(1, MAX_RATE), ' of bytes per second'),
  maxConnections: orNull(integer(1, MAX_CONNECTIONS), ''),
  maxConnectionsPerAddress: orNull(integer(1, MAX_CONNECTIONS), ''),
  maxNewConnectionsPerSecond: orNull(integer(1, MAX_CONNECTIONS), ''),
});
const listener = closed(
  {
    name,
    port: integer(0, 65_535),
    host: { type: 'string', minLength: 1, says: 'an address to bind, such as "127.0.0.1" or "::"' },
    protocol: { enum: PROTOCOLS, valueHints: { https: NOT_BUILT, tls: NOT_BUILT } },
    pool: { type: 'string', says: 'the name of a pool' },
    plugins,
    backlog: integer(1, 65_535),
    timeouts: closed({ headMs: ms(), bodyMs: ms(), writeMs: ms(), graceMs: ms(0), idleMs: ms(), requestMs: orNull(ms(), ' of milliseconds'), tunnelMs: ms() }),
    limits,
    trustedProxies: { type: 'array', items: { type: 'string', says: 'an address or a CIDR range, such as "10.0.0.0/8"' }, says: 'a list of addresses and CIDR ranges' },
    forwarding: closed({ xForwarded: { type: 'boolean' }, forwarded: { type: 'boolean' }, via: { type: 'boolean' } }),
    halfClose: { enum: ['abort', 'serve'] },
  },
  ['port'],
  { keyHints: { tls: NOT_BUILT, ssl: NOT_BUILT, cert: NOT_BUILT, certificates: NOT_BUILT, https: NOT_BUILT } },
);

const backendShape = choice(
  { type: 'string' },
  true,
  closed(
    {
      url: { type: 'string', says: 'a URL, such as "http://10.0.0.1:9001"' },
      id: { type: 'string', minLength: 1, maxLength: 200 },
      weight: { type: 'number', minimum: 0, maximum: 65_535 },
      maxInFlight: integer(1, MAX_INT),
      labels: { type: 'object', additionalProperties: { type: 'string' }, says: 'an object of strings' },
      zone: { type: 'string' },
      priority: integer(0, 1_000),
      drain: { type: 'boolean' },
    },
    ['url'],
    { says: 'a URL, or an object with one: { url: "http://10.0.0.1:9001", weight: 2 }' },
  ),
);

const pool = closed(
  {
    protocol: { enum: PROTOCOLS, valueHints: { https: TLS_TO_BACKENDS, tls: TLS_TO_BACKENDS } },
    backends: choice({ type: 'array' }, { type: 'array', items: backendShape }, anything, 'a list of backends, or a discovery plugin'),
    health: anything,
    strategy: anything,
    unknown: { enum: ['available', 'unavailable'] },
    panicThreshold: { type: 'number', minimum: 0, maximum: 1 },
    retry: closed({
      attempts: integer(1, 10),
      replays: integer(0, 9),
      budget: { type: 'number', minimum: 0, maximum: 1 },
      budgetPerSecond: { type: 'number', minimum: 0, maximum: 1_000_000 },
      retryBufferBytes: integer(0, 16_777_216),
    }),
    timeouts: closed({ connectMs: ms(), responseMs: ms(), bodyMs: ms(), idleMs: ms() }),
    maxIdle: integer(0, 65_535),
    maxResponseHeadBytes: integer(1_024, 1_048_576),
    plugins,
  },
  ['backends'],
  { keyHints: { servers: 'did you mean backends?', upstreams: 'did you mean backends?', targets: 'did you mean backends?', algorithm: 'did you mean strategy?', policy: 'did you mean strategy?', healthCheck: 'did you mean health?' } },
);

const pathOrRegExp = choice({ type: 'string' }, true, { isA: 'RegExp', says: 'a path such as "/api/*", or a RegExp' });
const targetPath: Shape = { type: 'string', pattern: '^/[!-~]*$', says: 'a path that begins with "/", without spaces' };
const route = closed(
  {
    name,
    match: closed({
      host: some({ type: 'string' }, 'a host such as "example.org" or "*.example.org", or a list of them'),
      path: choice({ type: 'array' }, { type: 'array', minItems: 1, items: pathOrRegExp, says: 'a list that is not empty' }, pathOrRegExp, 'a path, a RegExp, or a list of them'),
      method: some(token('a method such as "GET"'), 'a method such as "GET", or a list of them'),
      header: {
        type: 'object',
        propertyNames: token('the name of a header'),
        additionalProperties: choice({ type: ['string', 'boolean'] }, true, { isA: 'RegExp', says: 'a string, true, false, or a RegExp' }),
        says: 'an object of header names, such as { "x-canary": true }',
      },
    }),
    listeners: { type: 'array', items: { type: 'string', says: 'the name of a listener' }, says: 'a list of names of listeners' },
    pool: { type: 'string', says: 'the name of a pool' },
    rewrite: closed({ host: { type: 'string', pattern: '^[A-Za-z0-9._:[\\]-]+$', says: '"backend", or a host with or without a port' }, stripPrefix: targetPath, addPrefix: targetPath, path: targetPath }),
    maxBodyBytes: bytesOrNull,
    plugins,
  },
  ['pool'],
  { keyHints: { path: 'conditions stand in match: { path }', host: 'conditions stand in match: { host }', method: 'conditions stand in match: { method }', header: 'conditions stand in match: { header }' } },
);

const config = closed(
  {
    listeners: { type: 'array', items: listener, minItems: 1, says: 'a list of listeners: [{ port: 8080 }]' },
    pools: { type: 'object', propertyNames: name, additionalProperties: pool, says: 'an object of pools: { web: { backends: ["http://10.0.0.1:9001"] } }' },
    routes: { type: 'array', items: route, says: 'a list of routes' },
    plugins,
    drainLimitMs: ms(0),
    setupLimitMs: ms(),
    workers: { ...integer(0, MAX_WORKERS), valueHints: { auto: 'leave it out: one per core' } },
    stallLimitMs: ms(100, 600_000),
    maxConnections: orNull(integer(1, MAX_CONNECTIONS), ''),
    maxLoopDelayMs: orNull(ms(10, 600_000), ' of milliseconds'),
    log: closed({ level: { enum: ['debug', 'info', 'warn', 'error', 'silent'] } }),
  },
  ['listeners', 'pools'],
  { says: 'an object, as defineConfig takes it' },
);

const check = { config: ajv.compile(config), backends: ajv.compile({ type: 'array', items: backendShape, says: 'a list of backends' }) };

/**
 * Holds a snapshot against its shape. What does not fit is reported and taken out of the snapshot,
 * so that the rest can be looked at as if the faulty part had not been given.
 */
export function checkShape(what: 'config' | 'backends', snapshot: unknown, path: string, faults: Faults): unknown {
  const validate = check[what];
  if (validate(snapshot)) return snapshot;
  const errors = validate.errors ?? [];
  addShapeFaults(errors, path, faults);
  let rest: unknown = snapshot;
  for (const error of errors) {
    if (error.keyword === 'if' || error.keyword === 'required' || error.keyword === 'propertyNames') continue;
    const keys = error.propertyName === undefined ? keysOf(error) : [...keysOf(error), error.propertyName];
    if (keys.length === 0) rest = undefined;
    else takeOut(rest, keys);
  }
  return rest;
}

/** In a list the place stays, or the numbers of what follows would change. */
function takeOut(from: unknown, keys: readonly string[]): void {
  let parent = from;
  for (const key of keys.slice(0, -1)) parent = (parent as Record<string, unknown> | undefined)?.[key];
  const last = keys.at(-1)!;
  if (Array.isArray(parent)) parent[Number(last)] = undefined;
  else if (typeof parent === 'object' && parent !== null) delete (parent as Record<string, unknown>)[last];
}

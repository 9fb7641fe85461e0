/** What a hash strategy hashes: a part of the exchange that a config names. */
import { describeError, SteelyardError } from './errors.ts';
import { hash32 } from './hash.ts';
import type { Host } from './host.ts';
import type { CounterSeries } from './metrics.ts';
import type { Exchange, RequestHead } from './model.ts';
import { cookieValue, queryValue } from './named-values.ts';
import type { OptionSchema } from './options.ts';

/**
 * A part of an exchange.
 * - `address`: the client's, without its port (`exchange.clientAddress`: behind trusted proxies what they say of it).
 * - `host`: `request.host`: lower case, with the port if the client sent one.
 * - `path`: `request.path`: the normal form, without the query.
 * - `target`: path and query as received.
 * - `header`: the value, any case of the name; several fields joined by `, `.
 * - `cookie`: the value of the first cookie of this name, case-sensitive, as it came (RFC 6265).
 * - `query`: the first parameter of this name, decoded as in forms (WHATWG URL: `%20` and `+`).
 * - a function: whatever it gives; `undefined` = not there.
 *
 * What is empty is not there. A TCP connection has an address, and what a function makes of it: a strategy with any other key reads requests, and a tcp pool
 * refuses it, by the compiler and at load.
 * @example
 * const byUser: HashKey = { header: 'x-user' };
 * const byTenant: HashKey = ({ request }) => request?.host.split('.', 1)[0];
 */
export type HashKey = ConnectionPart | RequestPart;
type ConnectionPart = 'address' | ((exchange: Exchange) => string | undefined);
type RequestPart = 'host' | 'path' | 'target' | { readonly header: string } | { readonly cookie: string } | { readonly query: string };

/**
 * One part, or up to 16 of which the first that is there counts.
 * @example
 * const sessionOrAddress: HashKeys = [{ cookie: 'session' }, 'address'];
 */
export type HashKeys = HashKey | readonly HashKey[];

/**
 * What becomes of an exchange that has nothing of the key.
 * - `random`: a pick by chance, by weight, and another one at each retry.
 * - `none`: no pick. A `fallback` around it asks its next strategy; without one the pool takes the next available backend in turn.
 * @example
 * const orElse: MissingKey = 'none';
 */
export type MissingKey = 'random' | 'none';

/** Keys that every connection has: a strategy with one of them does not read requests. */
export type ConnectionKeys = ConnectionPart | readonly ConnectionPart[];

/** The same of a value that nothing vouches for yet. */
export function readsRequest(keys: unknown): boolean {
  return Array.isArray(keys) ? keys.some(readsRequest) : keys !== 'address' && typeof keys !== 'function';
}

/** RFC 9110 §5.6.2: token. Names of cookies too (RFC 6265 §4.1.1). */
const TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
const PARTS = [
  { type: 'string', enum: ['address', 'host', 'path', 'target'] },
  { type: 'function' },
  { type: 'object', properties: { header: { type: 'string', pattern: TOKEN } } },
  { type: 'object', properties: { cookie: { type: 'string', pattern: TOKEN } } },
  { type: 'object', properties: { query: { type: 'string', minLength: 1 } } },
] as const;

/**
 * The schema of an option that is a key: `isKey` makes a strategy an http one where the key is a part of requests.
 * @example
 * export default defineStrategy<{ key?: HashKeys }, 'any', 'hash'>({
 *   name: 'modulo',
 *   kind: 'hash',
 *   options: { key: { ...HASH_KEY, default: 'address' } },
 *   create({ key }, host) {
 *     const hashOf = keyHash(key, 'random', host);
 *     return {
 *       update() {},
 *       select(exchange, pool) {
 *         const available = pool.backends.filter((backend) => pool.isAvailable(backend));
 *         return available[(hashOf(exchange)! >>> 0) % available.length];
 *       },
 *     };
 *   },
 * });
 */
export const HASH_KEY: OptionSchema<HashKeys> & { isKey: true } = {
  isKey: true,
  anyOf: [...PARTS, { type: 'array', items: { anyOf: PARTS }, minItems: 1, maxItems: 16 }],
  description: 'what is hashed: "address", "host", "path", "target", { header }, { cookie }, { query }, a function, or a list of which the first that is there counts',
};

/**
 * Reads a key off exchanges; `undefined` = nothing of it is there. Costs a string where the exchange does not have one yet; linear in its length.
 * @example
 * const keyOf = keyReader([{ cookie: 'session' }, 'address']);
 * keyOf(world().exchange({ headers: { cookie: 'session=7' } })); // '7'
 */
export function keyReader(keys: HashKeys): (exchange: Exchange) => string | undefined {
  return readerOfAll(keys, (thrown) => {
    throw thrown;
  });
}

/** @param failed told what a function threw; if it returns there is no such key */
function readerOfAll(keys: HashKeys, failed: (thrown: unknown) => void): (exchange: Exchange) => string | undefined {
  if (!isList(keys)) return readerOf(keys, failed);
  const readers = keys.map((key) => readerOf(key, failed));
  return (exchange) => {
    for (const read of readers) {
      const key = read(exchange);
      if (key !== undefined) return key;
    }
    return undefined;
  };
}

/**
 * Hashes the key of an exchange to 32 bits, signed as those of `hash32`. Where there is no key: bits by chance, which are to a hash strategy a pick by chance
 * and weight (Envoy does so as well), or with `none` nothing. A function that throws gives no key, is counted in `steelyard_key_failures_total` and told once:
 * it works on what clients send, and one of them must not take the strategy away from all.
 * @example
 * const hashOf = keyHash({ header: 'x-user' }, 'none', world().host('mine'));
 * const hash = hashOf(world().exchange({ headers: { 'x-user': 'jo' } }));
 * const slot = hash === undefined ? undefined : (hash >>> 0) % 65_537;
 */
export function keyHash(keys: HashKeys, missing: MissingKey, host: Pick<Host, 'random' | 'log' | 'counter' | 'pool'>): (exchange: Exchange) => number | undefined {
  const keyOf = readerOfAll(keys, failureTeller(host));
  return (exchange) => {
    const key = keyOf(exchange);
    if (key !== undefined) return hash32(key);
    return missing === 'none' ? undefined : (host.random() * 0x1_0000_0000) | 0;
  };
}

function failureTeller(host: Pick<Host, 'log' | 'counter' | 'pool'>): (thrown: unknown) => void {
  let failures: CounterSeries | undefined;
  return (thrown) => {
    if (failures === undefined) host.log.error({ error: describeError(thrown) }, 'the function of the key failed: such exchanges count as without it (steelyard_key_failures_total)');
    failures ??= host.counter('key_failures_total', { help: 'Hash keys whose function failed; the exchanges counted as without a key.', labels: ['pool'] }).labels(host.pool);
    failures.add();
  };
}

function readerOf(key: HashKey, failed: (thrown: unknown) => void): (exchange: Exchange) => string | undefined {
  if (typeof key === 'function') {
    return (exchange) => {
      try {
        return given(key(exchange));
      } catch (thrown) {
        failed(thrown);
        return undefined;
      }
    };
  }
  if (key === 'address') return (exchange) => unlessEmpty(exchange.clientAddress);
  const read = requestReader(key);
  return ({ request }) => (request === undefined ? undefined : unlessEmpty(read(request)));
}

function requestReader(key: RequestPart): (request: RequestHead) => string | undefined {
  if (key === 'host') return (request) => request.host;
  if (key === 'path') return (request) => request.path;
  if (key === 'target') return (request) => request.target;
  if ('header' in key) return (request) => request.header(key.header);
  if ('query' in key) {
    const name = new TextEncoder().encode(key.query);
    return (request) => queryValue(request.query, name);
  }
  return (request) => {
    if (!request.hasHeader('cookie')) return undefined;
    // Not joined: HTTP/2 sends the cookies in pieces, and a comma may be part of a value.
    for (const field of request.headerValues('cookie')) {
      const value = cookieValue(field, key.cookie);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

/** A config that is no TypeScript may give anything: hashed, it would silently send everybody to one backend. */
function given(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return unlessEmpty(value);
  // An async function may reject, which ends the process where nobody hears of it; it works on what clients send.
  if (value instanceof Promise) void Promise.prototype.then.call(value, undefined, () => {});
  throw new SteelyardError('ERR_PLUGIN_TAP', { message: `the function of a hash key gave ${value === null ? 'null' : typeof value}`, hint: 'give a string, or undefined where there is no key', source: 'plugin' });
}

function unlessEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function isList(keys: HashKeys): keys is readonly HashKey[] {
  return Array.isArray(keys);
}

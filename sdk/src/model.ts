/** The nouns of Steelyard: what hooks, strategies and health checks are given. Everything here is read-only to a plugin. */

/** What a pool speaks with its backends. */
export type Protocol = 'http' | 'tcp';

/** The sum of all health marks: `unknown` until the first check or request decides. */
export type HealthState = 'unknown' | 'up' | 'down';

/**
 * One member of one pool. The object outlives reloads and membership changes: its identity is its `id`,
 * so state may be kept by the object (`host.perBackend`).
 */
export interface Backend {
  /** `pool/scheme://host:port`, or what the config says. Unique in the process. */
  readonly id: string;
  /** Name of the pool this member belongs to. */
  readonly pool: string;
  /** `http://10.0.0.1:9001` or `tcp://10.0.0.1:6379`. */
  readonly url: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  /** `host:port`, the host in brackets when it is an IPv6 address. */
  readonly address: string;
  /** As configured. A strategy uses the effective weight of `update(members)` instead. */
  readonly weight: number;
  /** Free to strategies: `{ version: 'v2' }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Free to strategies; '' when not configured. */
  readonly zone: string;
  /** Free to strategies: 0 is the first choice. */
  readonly priority: number;
  /** Most leases at once over all workers; `Infinity` = no limit. */
  readonly maxInFlight: number;
  /** Leases open now, over all workers. A strategy that reads it of every backend at each pick asks `PoolView.inFlightAt`, which is quicker. */
  readonly inFlight: number;
  /** Its row in the table that all workers share: a small whole number, no other's while this backend is a member of a pool. Later it may be another's. */
  readonly row: number;
  readonly health: HealthState;
  /** Set by an operator or by discovery: finishes what it has, gets nothing new. */
  readonly draining: boolean;
}

/** A backend in a strategy's list, with the weight that counts now. */
export interface Member {
  readonly backend: Backend;
  /** Effective weight, >= 0. A member with weight 0 gets nothing. */
  readonly weight: number;
}

/** A pool as it stands for one pick. Valid during the call only. */
export interface PoolView {
  readonly name: string;
  /** All members in the order of the config or the discovery. Not filtered: ask `isAvailable`. */
  readonly backends: readonly Backend[];
  /** No health mark (or the pool is in a panic), not draining, below its limits, and not yet tried in this exchange. */
  isAvailable(backend: Backend): boolean;
  /**
   * While it is the same number above 0, `isAvailable` answers the same for each backend. 0 or none = it may answer otherwise at any time:
   * in a second attempt, or where a member has a limit. Compare for equality alone.
   */
  readonly version?: number;
  /** `inFlight` of the member with this `row`, without a look at the backend itself: a third of the time for a thousand of them. Ask it of members only. */
  inFlightAt(row: number): number;
  /**
   * `return pool.nobody()` in `select`: as `undefined`, and core takes no other backend in its place: 503, or the end of a TCP connection. For a strategy that
   * has none that may be given this exchange, though others are available.
   */
  nobody(): undefined;
}

/** One client connection. */
export interface Connection {
  /** Unique in this thread, counts up from 1. */
  readonly id: number;
  /** Name of the listener that accepted it. */
  readonly listener: string;
  readonly protocol: Protocol;
  /** Address of the peer: the client's, or the last proxy's. Without brackets. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** `host.now()` at accept. */
  readonly openedAt: number;
}

/** Look-up and edits of a message head. Names are case-insensitive. Edits show in later look-ups and in what is sent on. */
export interface HeadFields {
  /** The value, without white space around it; several fields of the name are joined by `, `. `undefined` = not there. */
  header(name: string): string | undefined;
  /** Each field of the name, in order. */
  headerValues(name: string): string[];
  hasHeader(name: string): boolean;
  /** Every field as [name as received, value], in order. Allocates: not for every request. */
  headers(): [name: string, value: string][];
  /**
   * Replaces all fields of the name by one.
   * @throws SteelyardError ERR_HEAD_EDIT when the name is no token, the value holds CR, LF or NUL, or the field is framing
   * (`Content-Length`, `Transfer-Encoding`, `Connection` and its like), which only the core writes.
   */
  setHeader(name: string, value: string): void;
  /** Adds a field behind those of the same name. Throws as `setHeader` does. */
  appendHeader(name: string, value: string): void;
  /** Removes all fields of the name. Throws as `setHeader` does for framing. */
  removeHeader(name: string): void;
}

/** A request head, whatever HTTP version it came by. */
export interface RequestHead extends HeadFields {
  readonly method: string;
  /** Path and query as received: `/a%20b?x=1`. */
  readonly target: string;
  /**
   * The target up to `?` in its normal form (RFC 3986 §6.2.2): unreserved characters decoded, dot segments resolved. `/x/../admin` and
   * `/%61dmin` are `/admin` here, as for routes; as received it stands in `target`. `%2F` is no separator and stays.
   */
  readonly path: string;
  /** The target behind `?`, '' if there is none. */
  readonly query: string;
  /** Host and perhaps port, lower case; '' for HTTP/1.0 without one. */
  readonly host: string;
  readonly version: '1.0' | '1.1';
  /**
   * Changes path and query of what is sent on. Look-ups show the new one; the route stays.
   * @throws SteelyardError ERR_HEAD_EDIT when it does not begin with `/` or holds a character that a target must not.
   */
  setTarget(target: string): void;
}

export interface ResponseHead extends HeadFields {
  /** 200 to 599. */
  readonly status: number;
}

/** A route as plugins see it. */
export interface Route {
  readonly name: string;
  readonly pool: string;
}

interface ExchangeBase {
  /** Unique in this thread, counts up from 1. */
  readonly id: number;
  readonly connection: Connection;
  /** The client's address: the peer's, or what a trusted proxy says of it (`trustedProxies`). */
  readonly clientAddress: string;
  /** Leases opened so far, this pick's not counted: 0 at the first pick. */
  readonly attempts: number;
  /** `host.now()` when its head was complete (http) or its connection accepted (tcp). */
  readonly startedAt: number;
}

/**
 * One request and its response. The object is used again for later exchanges: valid until `onResponse` has returned;
 * keep values, not the object.
 */
export interface HttpExchange extends ExchangeBase {
  readonly protocol: 'http';
  readonly request: RequestHead;
  /** `undefined` when no route matched: 404 unless a plugin answers. */
  readonly route: Route | undefined;
}

/** A TCP connection is its one exchange. */
export interface TcpExchange extends ExchangeBase {
  readonly protocol: 'tcp';
  readonly request: undefined;
  readonly route: undefined;
}

export type Exchange = HttpExchange | TcpExchange;

/** What `selectBackend` turns into: one use of one backend, opened once and closed once. Valid until its end was told. */
export interface Lease {
  /** A small dense integer, unique among this worker's open leases: an index for side arrays instead of maps. */
  readonly slot: number;
  readonly backend: Backend;
  readonly exchange: Exchange;
  /** `host.now()` when it was opened. */
  readonly startedAt: number;
}

interface OutcomeFacts {
  /** From the start of the lease to a usable connection; 0 for one taken from the idle pool. Milliseconds. */
  readonly connectMs: number;
  /** From the start of the lease to the first byte of the response; -1 = none came. Milliseconds. */
  readonly firstByteMs: number;
  /** From the start of the lease to its end. Milliseconds. */
  readonly durationMs: number;
  /** Bytes written to the backend in this attempt, heads and framing too. */
  readonly bytesToBackend: number;
  readonly bytesFromBackend: number;
}

/** Fields behind a chunked response body (RFC 9112 §7.1.2), as the backend sent them, those too that go no further. May be kept. */
export interface Trailers {
  /** The value, without white space around it; several fields of the name are joined by `, `. `undefined` = not there. */
  header(name: string): string | undefined;
}

/** How far an attempt came before it failed. */
export type Phase = 'connect' | 'send' | 'head' | 'body';

/** Who ended an exchange before its end. */
export type Aborter = 'client' | 'balancer' | 'plugin';

/**
 * The fate of one lease.
 * - `answered`: the whole response came (any status, 500 too), or a TCP connection ended in order. `status` is 0 for TCP; `trailers` are there
 *   where the response had some.
 * - `failed`: the backend is to blame. `code` is an error code of Steelyard.
 * - `aborted`: somebody else is: says nothing about the backend.
 */
export type Outcome = OutcomeFacts &
  (
    | { readonly kind: 'answered'; readonly status: number; readonly trailers?: Trailers | undefined }
    | { readonly kind: 'failed'; readonly phase: Phase; readonly code: string; readonly status: number }
    | { readonly kind: 'aborted'; readonly by: Aborter; readonly status: number }
  );

/** What became of an exchange, whoever answered it. */
export interface Result {
  /** What the client was sent; 0 = nothing, or TCP. */
  readonly status: number;
  /** Of the last attempt. */
  readonly backend: Backend | undefined;
  readonly attempts: number;
  /** `backend`: its response. `balancer`: an error response of the core. `plugin`: a tap's answer. */
  readonly answeredBy: 'backend' | 'balancer' | 'plugin' | 'nobody';
  /** `undefined` = it came to its end in order. */
  readonly abortedBy: Aborter | 'backend' | undefined;
  /** Error code of Steelyard: why the balancer answered, or what broke the exchange; '' = nothing did. */
  readonly code: string;
  /** Bytes of the request body, framing not counted; of TCP and upgraded connections, all that came from the client. */
  readonly bytesFromClient: number;
  /** Bytes of the response body, likewise. */
  readonly bytesToClient: number;
  /** From `startedAt` to the first byte sent to the client; -1 = none. Milliseconds. */
  readonly firstByteMs: number;
  /** From `startedAt` to the last byte. Milliseconds. */
  readonly durationMs: number;
}

export interface HealthChange {
  readonly backend: Backend;
  readonly from: HealthState;
  readonly to: HealthState;
  /** Name of the source whose mark came or went: a check's, a detector's, or `admin`. */
  readonly source: string;
  /** One sentence: `GET /healthz answered 500, expected 200-399 (3 in a row)`. */
  readonly reason: string;
}

/** The shape of `balancer.config.ts`. Defaults are applied by the core's loader; `steelyard check` prints the result. */
import type { AnyStrategyUse, Awaitable, BackendSpec, DiscoveryUse, ExporterUse, GeneralUse, HealthCheckUse, StrategyUse } from './define.ts';

/** Left out by `condition && plugin()`. */
export type Falsy = false | null | undefined | 0 | '';
/**
 * A plugin by name instead of by a factory call, for JSON configs: `p2c` or `@steelyard/plugins/p2c` or `steelyard-plugin-mine`
 * or `./mine.ts` beside the config. Its options are checked at load, not by the compiler.
 */
export interface NamedUse {
  use: string;
  options?: Readonly<Record<string, unknown>>;
}
export type PluginList = readonly (GeneralUse | ExporterUse | NamedUse | Falsy)[];

/**
 * Who gets in. What is above `maxConnections` or `maxNewConnectionsPerSecond` is not accepted: it waits in the system's queue (`backlog`) until
 * there is room. Where accepting cannot be paused (a listener on a host name) as many are taken and held unread, and those above them are reset.
 */
export interface ConnectionLimits {
  /** Open connections of this listener, over all workers. 1 to 1,000,000; `null` (default) = only `maxConnections` of the config counts. */
  maxConnections?: number | null;
  /**
   * Open connections of one client address (of one /64 network for IPv6) to this listener, over all workers; above it a connection is reset at
   * once. 1 to 1,000,000; `null` (default) = no limit: a company or a proxy may be one address. Those in `trustedProxies` are not counted.
   * Addresses are counted by a keyed hash in a table of fixed size: two of them are taken for one about once in a billion pairs.
   */
  maxConnectionsPerAddress?: number | null;
  /** Connections accepted per second over all workers, each of which has its equal share; a second's worth may come at once. 1 to 1,000,000; `null` (default) = no limit. */
  maxNewConnectionsPerSecond?: number | null;
}

export interface ListenerLimits extends ConnectionLimits {
  /** Request line and header section. Over it: 431. Bytes, 1,024 to 1,048,576; default 32,768. */
  maxHeadBytes?: number;
  /** Over it: 414. Bytes, 64 to `maxHeadBytes`; default 8,192. */
  maxTargetBytes?: number;
  /** Over it: 431. 1 to 1,000; default 100. */
  maxHeaders?: number;
  /** One header line, from its name to the end of its value. Over it: 431. Bytes, 64 to `maxHeadBytes`; default 16,384. */
  maxHeaderLineBytes?: number;
  /** Over it: 413. Bytes; `null` (default) = no limit. A route may say otherwise. */
  maxBodyBytes?: number | null;
  /**
   * Chunk lines of one request body beyond what honest senders need, which is 16 bytes a chunk and as much as its data. Over it: 400.
   * Bytes, 0 to 1,048,576; default 16,384. No chunk line may be over 256 bytes in any case.
   */
  maxChunkExtensionBytes?: number;
  /** Trailer section of a request. Over it, or with more than 64 fields: 431. Bytes, 2 to 65,536; default 8,192. */
  maxTrailerBytes?: number;
  /**
   * Requests that wait behind the one under way (pipelining, RFC 9112 §9.3.2): they are served one at a time, and with this many bytes of them
   * read no more is, so that TCP holds the client. Bytes, 1,024 to 1,048,576, a read of 65,536 more at most; default 65,536.
   */
  maxPipelinedBytes?: number;
  /**
   * The last of so many requests on one connection is answered with `Connection: close`. 1 to 1,000,000,000; `null` (default) = no limit:
   * nothing is kept of a request that is over. With several workers a limit of some thousands spreads long-lived connections anew.
   */
  maxRequestsPerConnection?: number | null;
  /**
   * A client that sends the body slower than this over time gets 408. Only time in which it is waited for counts. It may be `graceMs` behind at
   * the beginning, and what it sent faster it may rest later, up to `bodyMs`. Bytes per second, 1 to 1,000,000,000; default 240; `null` = no floor.
   */
  minBodyBytesPerSecond?: number | null;
  /** The same for a client that reads its response, as far as the system's send buffer is full; it is cut off. Default 240; `null` = no floor. */
  minResponseBytesPerSecond?: number | null;
}

export interface ListenerTimeouts {
  /** From the first byte of a request to the end of its head; for a new connection from its accept. Then 408. Default 10,000 ms. */
  headMs?: number;
  /** Between two reads of a request body; then 408. Default 30,000 ms. */
  bodyMs?: number;
  /** A client that reads nothing while bytes wait for it is cut off. Default 30,000 ms. */
  writeMs?: number;
  /** How far a client may be behind `minBodyBytesPerSecond` and `minResponseBytesPerSecond` at the beginning. Default 5,000 ms. */
  graceMs?: number;
  /**
   * From the end of a request's head to the last byte of its response. Then 408 while the body is still coming, 504 while the response is waited
   * for, and the connection is reset if that has begun. `null` (default) = no limit: a long download is legitimate. Not for upgraded connections.
   */
  requestMs?: number | null;
  /** A keep-alive connection without a request is closed. Default 60,000 ms. */
  idleMs?: number;
  /** An upgraded connection, or a TCP one, without a byte either way is closed. Default 3,600,000 ms. */
  tunnelMs?: number;
}

/** How the client is told to the backend. */
export interface ForwardingHeaders {
  /** `X-Forwarded-For`, `-Proto`, `-Host`. Default true. What an untrusted client sent of them is removed in any case. */
  xForwarded?: boolean;
  /** `Forwarded` (RFC 7239). Default false. What an untrusted client sent of it is removed in any case. */
  forwarded?: boolean;
  /** `Via` on requests (RFC 9110 §7.6.3). Default true. */
  via?: boolean;
}

interface ListenerBase {
  /** For logs, metrics and `routes[].listeners`. Default `protocol-port` or `protocol-port-host`. */
  name?: string;
  /** 0 to 65,535; 0 = any free port. */
  port: number;
  /** Address to bind. Default `::` where the machine has IPv6, else `0.0.0.0`: all addresses. */
  host?: string;
  /** Plugins for what passes here. */
  plugins?: PluginList;
  limits?: ConnectionLimits;
  timeouts?: ListenerTimeouts;
  /** Connections that may wait to be accepted, of each worker; the system cuts it to `net.core.somaxconn`. Default 4,096, which is that of Linux. */
  backlog?: number;
}
export interface HttpListener<P extends string = string> extends ListenerBase {
  protocol?: 'http';
  /** For requests that match no route. Default: they get 404. */
  pool?: P;
  limits?: ListenerLimits;
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-*` and `Forwarded` are believed. Default: none. */
  trustedProxies?: readonly string[];
  forwarding?: ForwardingHeaders;
  /** What a client's FIN before its answer means: it left, or it waits and only its half is closed. Default `abort`. */
  halfClose?: 'abort' | 'serve';
}
export interface TcpListener<P extends string = string> extends ListenerBase {
  protocol: 'tcp';
  pool: P;
}
export type ListenerConfig<P extends string = string> = HttpListener<P> | TcpListener<P>;

export interface RouteMatch {
  /** `api.example.org`, `*.example.org` (one label or more), without port; several = any of them. */
  host?: string | readonly string[];
  /**
   * `/health` exactly; `/api/*` that folder and all below it; `/users/:id/posts` with one segment for each `:name`.
   * Or a RegExp over the path. Matched on the normalised path: unreserved characters decoded, dot segments resolved (RFC 3986 §6.2.2).
   *
   * Backends do not agree on `%2F`, `%5C`, `\`, `//` and `;parameters`: `/admin%2Fx`, `//admin/x` and `/x/..;/admin` are below `/admin/*` to
   * some and not to others. Such a path goes on as it came if both readings take the same route; if they do not, the request is refused (400), for it
   * would get past what stands on one of the two. A pattern that holds such characters is compared in both readings too; a RegExp is held against each reading.
   */
  path?: string | RegExp | readonly (string | RegExp)[];
  method?: string | readonly string[];
  /** `true` = is there, `false` = is not, a string = exactly this value, or a RegExp. All of them must hold. */
  header?: Readonly<Record<string, string | boolean | RegExp>>;
}
export interface RouteRewrite {
  /** `Host` that the backend sees; `backend` = its own address. Default: as the client sent it. */
  host?: string;
  /** Removed from the front of the path: `/api`. */
  stripPrefix?: string;
  /** Put before the path, after `stripPrefix`. */
  addPrefix?: string;
  /** The whole path, the query stays; may use the `:name` segments of the match: `/posts-of/:id`. */
  path?: string;
}
export interface RouteConfig<P extends string = string, L extends string = string> {
  /** For logs and metrics. Default: the pool, or the pool and the place in the list. Unique. */
  name?: string;
  /** Absent: everything. The first route that matches counts. */
  match?: RouteMatch;
  /** Names of the listeners it is on. Default: all http listeners. */
  listeners?: readonly L[];
  pool: P;
  rewrite?: RouteRewrite;
  /** Over it: 413. `null` = no limit. Default: the listener's. */
  maxBodyBytes?: number | null;
  plugins?: PluginList;
}

export interface RetryConfig {
  /** Most attempts for one exchange, the first included. 1 = never retry. 1 to 10; default 3. */
  attempts?: number;
  /** Most attempts that repeat a request of which a part was already written. 0 to `attempts` - 1; default 1. */
  replays?: number;
  /** Repeats allowed as a share of the requests of the last seconds, 0 to 1; default 0.2. Each worker counts its own. An attempt that could not connect is free. */
  budget?: number;
  /** Repeats allowed per second in any case, over all workers: each has its share. Default 10. */
  budgetPerSecond?: number;
  /** Body bytes that are kept for a repeat. Default 16,384. */
  retryBufferBytes?: number;
}
export interface PoolTimeouts {
  /** To open a connection to a backend. Default 5,000 ms. */
  connectMs?: number;
  /** From the last byte of the request to the first of the response; then 504. Default 60,000 ms. */
  responseMs?: number;
  /** Between two reads of the response body, or two writes of the request body. Default 60,000 ms. */
  bodyMs?: number;
  /** An unused connection is closed after it. Default 4,000 ms: below the 5 s at which Node's own server closes. */
  idleMs?: number;
}
interface PoolBase {
  /** Addresses (`http://10.0.0.1:9001`), specs, or one discovery. */
  backends: readonly (string | BackendSpec)[] | DiscoveryUse | NamedUse;
  /** One check or several; each keeps a mark of its own. Default: none, and backends stay `unknown`. */
  health?: HealthCheckUse | NamedUse | readonly (HealthCheckUse | NamedUse | Falsy)[];
  /** Whether a backend gets traffic before its first check ends. Default `unavailable` where there is an active check; without one it always does. */
  unknown?: 'available' | 'unavailable';
  /**
   * Below this share of healthy members, health is not believed: all get traffic again, but those that drain or are at their limit, so that the few
   * that are left are not overrun (Envoy's panic threshold). 0 to 1; 0.5 = when fewer than half are healthy. Default 0: never.
   */
  panicThreshold?: number;
  retry?: RetryConfig;
  timeouts?: PoolTimeouts;
  /** Most unused connections kept per backend, in each worker. Default 256. */
  maxIdle?: number;
  plugins?: PluginList;
}
export interface HttpPool extends PoolBase {
  protocol?: 'http';
  /** Default: core's own order, the next available backend. */
  strategy?: AnyStrategyUse | NamedUse;
  /** Response heads over it are a 502. Bytes, default 65,536. */
  maxResponseHeadBytes?: number;
}
export interface TcpPool extends PoolBase {
  protocol: 'tcp';
  strategy?: StrategyUse<'any'> | NamedUse;
}
export type PoolConfig = HttpPool | TcpPool;

export interface Config<P extends string = string, L extends string = string> {
  listeners: readonly (ListenerConfig<NoInfer<P>> & { name?: L })[];
  pools: Readonly<Record<P, PoolConfig>>;
  routes?: readonly RouteConfig<NoInfer<P>, NoInfer<L>>[];
  /** For everything. Falsy ones are left out. */
  plugins?: PluginList;
  /** How long an old generation, or a stop, waits for open exchanges. Default 30,000 ms. */
  drainLimitMs?: number;
  /** How long all plugins' `setup` may take together. Default 10,000 ms. */
  setupLimitMs?: number;
  /**
   * Threads that carry the traffic, each with an event loop of its own; the main thread keeps config, health checks and exporters.
   * 0 to 64; 0 = everything in the main thread. Default: one per core for the command `start`, 0 for `createBalancer`.
   * `--workers` goes before it. Above 0 the config must be a file: functions cannot cross threads, so each worker loads it for itself.
   */
  workers?: number;
  /**
   * A worker that has not come to its event loop for so long is replaced; its connections are lost. Milliseconds, 100 to 600,000;
   * default 5,000. Below the longest pause of a plugin or of the garbage collector it would end workers that are at work.
   */
  stallLimitMs?: number;
  /**
   * Open client connections over all listeners and workers; above it no listener accepts, and clients wait in the system's queues. 1 to
   * 1,000,000; `null` = no limit. Default: half of the files that the process may have open (`ulimit -n`) after 256 for itself, because each
   * connection may need another one to a backend; 65,536 at most; no limit where the system does not say.
   */
  maxConnections?: number | null;
  /**
   * A worker whose event loop comes so much too late accepts nothing more until it comes in time again; what it has it serves on. Milliseconds,
   * 10 to 600,000; default 1,000; `null` = it always accepts.
   */
  maxLoopDelayMs?: number | null;
  log?: { level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' };
}

/** Given to a config that is a function. */
export interface ConfigEnv {
  /** `start`, `check`, or `embed` for `createBalancer`. */
  command: 'start' | 'check' | 'embed';
  env: Readonly<Record<string, string | undefined>>;
}
export type ConfigExport = Awaitable<Config> | ((env: ConfigEnv) => Awaitable<Config>);

/**
 * Gives a config its types: names of pools and listeners are checked where they are used.
 * @example
 * export default defineConfig({
 *   listeners: [{ port: 8080 }],
 *   pools: { web: { backends: ['http://127.0.0.1:9001'] } },
 *   routes: [{ pool: 'web' }],
 * });
 */
export function defineConfig<const P extends string, const L extends string = string>(config: Promise<Config<P, L>>): Promise<Config<P, L>>;
export function defineConfig<const P extends string, const L extends string = string>(
  config: (env: ConfigEnv) => Awaitable<Config<P, L>>,
): (env: ConfigEnv) => Awaitable<Config<P, L>>;
// Last, so that a fault in an object is reported against the object's type.
export function defineConfig<const P extends string, const L extends string = string>(config: Config<P, L>): Config<P, L>;
export function defineConfig(config: unknown): unknown {
  return config;
}

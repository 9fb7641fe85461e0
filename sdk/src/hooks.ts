/** The hooks, as a plugin sees them: it can tap, it can neither call nor hold them. */
import type { Backend, Connection, Exchange, HealthChange, HttpExchange, Outcome, PoolView, ResponseHead, Result } from './model.ts';

/** An answer given by a plugin in place of a backend's. */
export interface Answer {
  /** 200 to 599. */
  status: number;
  /** Framing (`Content-Length` and its like) is the core's and refused here. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent with its length. Absent: no body. */
  body?: string | Uint8Array;
}

/** `undefined` = no opinion; `{ refuse }` closes the connection, the reason goes to the log. */
export type ConnectDecision = undefined | void | { refuse: string };
/**
 * `undefined` = no opinion. `{ respond }` answers, and ends the hook. `{ pool }` sends the exchange to another pool:
 * the first opinion counts, and the later taps are still asked, so that a filter behind a canary filters.
 */
export type RequestDecision = undefined | void | { respond: Answer } | { pool: string };

export interface TapOptions {
  /** Order within the same scope: lower first, default 0, then the order of registration. */
  stage?: number;
}
export interface AsyncTapOptions extends TapOptions {
  /** After this the tap counts as failed. Milliseconds, 1 to 60,000; default 1,000. */
  timeLimitMs?: number;
}

export interface SyncTappable<A extends unknown[], R> {
  /** `fn` must not return a promise, must not block, and must not keep its arguments after it returned. */
  tap(fn: (...args: A) => R, options?: TapOptions): void;
}
export interface AsyncTappable<A extends unknown[], R> extends SyncTappable<A, R> {
  /** For a tap that has to wait. Each call costs a promise: prefer `tap` where it serves. */
  tapPromise(fn: (...args: A) => Promise<R>, options?: AsyncTapOptions): void;
}

/** Tap in `setup` or `create`; later is an error (ERR_PLUGIN_LATE_TAP). Calls never overlap within a thread, except asynchronous ones. */
export interface Hooks {
  /** Once per client connection: after the PROXY header where one is expected, before TLS and any byte of the client's. */
  readonly onConnect: AsyncTappable<[connection: Connection], ConnectDecision>;
  /** Once per request, after its head was validated and a route looked for. May edit the outgoing head. */
  readonly onRequest: AsyncTappable<[exchange: HttpExchange], RequestDecision>;
  /** Once per attempt. The first backend wins; one that is unavailable counts as no opinion, and against the plugin. */
  readonly selectBackend: SyncTappable<[exchange: Exchange, pool: PoolView], Backend | undefined | void>;
  /** Before the response head is written. May edit it; a tap that fails loses its own edits only. */
  readonly onResponseHead: SyncTappable<[exchange: HttpExchange, head: ResponseHead], void>;
  /** Exactly once per lease, when its fate is known. */
  readonly onAttempt: SyncTappable<[exchange: Exchange, backend: Backend, outcome: Outcome], void>;
  /** Exactly once per exchange, after the last byte or the abort, whoever answered. */
  readonly onResponse: SyncTappable<[exchange: Exchange, result: Result], void>;
  /** On a flip only, after the state changed. */
  readonly onHealthChange: SyncTappable<[change: HealthChange], void>;
}

export type HookName = keyof Hooks;

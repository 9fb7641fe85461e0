/** What an exchange knows of itself between two events. The steps read and write it; nothing here decides anything. */
import type { ErrorCode, Result } from '@steelyard/sdk';
import type { ListenerPlan } from '../generation.ts';
import { BodyReader } from '../http1/body-reader.ts';
import { Http1RequestHead } from '../http1/request-head.ts';
import { Http1ResponseHead } from '../http1/response-head.ts';
import type { Tunnel } from '../stream/tunnel.ts';
import type { UpstreamConnection } from '../upstream/connection.ts';
import { AttemptingExchange } from './attempt.ts';
import type { HttpConnection } from './connection.ts';
import { WireSettings } from './forwarding.ts';
import { HeldBody } from './held-body.ts';
import { Pace } from './pace.ts';
import type { RouteMatchResult } from './route.ts';

/** Where an exchange stands, in this order. */
export const ASKING = 0; // onRequest
export const CONNECTING = 1; // a lease is open, its connection not yet
export const WAITING = 2; // the request head is sent, no final response head yet
export const RELAYING = 3; // the response head is sent
export const FLUSHING = 4; // the response is complete, the client has not read all of it
export const TUNNELLING = 5; // upgraded
export const OVER = 6;

export abstract class ExchangeState extends AttemptingExchange {
  plan!: ListenerPlan;
  readonly #request = new Http1RequestHead();
  readonly response = new Http1ResponseHead();
  readonly body = new BodyReader();
  readonly reply = new BodyReader();
  readonly held = new HeldBody();
  readonly wire = new WireSettings();
  /** The client's pace in its body, and in our response. */
  readonly sending = new Pace();
  readonly reading = new Pace();
  match: RouteMatchResult | undefined;
  upstream: UpstreamConnection | undefined;
  tunnel: Tunnel | undefined;
  stage = OVER;
  /** Attempts in which bytes were written to a backend. */
  writes = 0;
  /** In the attempt under way bytes were written, or came back. */
  hasWritten = false;
  hasResponseByte = false;
  /** The attempt under way runs on a connection that was idle before: the backend may have closed it already. */
  isOnReused = false;
  /** `held` holds the body from its first byte. */
  isHeldWhole = true;
  keepAlive = false;
  /** `onResponseHead` was called: it is not called for a second head of the same exchange. */
  hasShownHead = false;
  /** Interim responses in the attempt under way. */
  interims = 0;
  /** The beginning of a response head that came in pieces. */
  partialHead: Buffer | undefined;
  /** How much of it was there when it was last looked at; it may have grown since. */
  partialLookedAt = 0;
  // What `onResponse` will be told.
  status = 0;
  code: ErrorCode | '' = '';
  answeredBy: Result['answeredBy'] = 'nobody';
  firstByteMs = -1;

  constructor() {
    super();
    // They serve one exchange after the other: what a plugin kept in them would be found by another client's.
    Object.seal(this.#request);
    Object.seal(this.response);
  }

  get request(): Http1RequestHead {
    return this.#request;
  }
  override get connection(): HttpConnection {
    return super.connection as HttpConnection;
  }

  /** When the event under way began: connections read the clock once for each, and what one event does is done at one time. */
  override now(): number {
    return this.thread.deadlines.now;
  }

  get isOver(): boolean {
    return this.stage === OVER;
  }

  /** A limit of the listener was met. */
  hit(limit: number): void {
    this.thread.metrics.limitHit(this.plan.limits, limit);
  }

  protected dropUpstream(): void {
    this.upstream?.destroy();
    this.upstream = undefined;
  }

  /** Waits for its next use: keeps neither large buffers nor a config of long ago. */
  protected forget(): void {
    this.request.shrink();
    this.response.shrink();
    if (this.tried.length > 0) this.tried.length = 0; // a length that is set, though the same, is a call into V8
    this.match = undefined;
    this.backend = undefined;
    this.partialHead = undefined;
    const gone = this as Partial<Pick<this, 'plan' | 'lane' | 'generation'>>;
    gone.plan = undefined;
    gone.lane = undefined;
    gone.generation = undefined;
    this.detach();
  }

  /** The object has served an exchange before: nothing of that may show. */
  protected reset(connection: HttpConnection, plan: ListenerPlan): void {
    this.thread = connection.thread;
    this.identify(connection, this.thread.nextExchangeId(), this.now());
    this.plan = plan;
    this.generation = plan.generation;
    this.lane = plan.unrouted;
    if (this.tried.length > 0) this.tried.length = 0;
    this.backend = undefined;
    this.match = undefined;
    this.stage = ASKING;
    this.writes = 0;
    this.isHeldWhole = true;
    this.keepAlive = false;
    this.hasShownHead = false;
    this.partialHead = undefined;
    this.status = 0;
    this.code = '';
    this.answeredBy = 'nobody';
    this.firstByteMs = -1;
    this.body.begin('none', 0);
    this.reply.begin('none', 0);
    this.reading.reset();
  }
}

/**
 * Step 2: an exchange, one request and its response. This file is the order of things; each step has a file of its own:
 * select (which backend), forward (the request to it), relay (its response), settle (the ends).
 * The object is used again: after `finish`, or a method that may lead there, nobody touches it.
 */
import type { Aborter, ErrorCode, HttpExchange, Phase, Result, Route } from '@steelyard/sdk';
import { describeError } from '@steelyard/sdk';
import type { ListenerPlan } from '../generation.ts';
import type { RedirectableExchange, RequestVerdict } from '../hooks.ts';
import type { Lane, RequestHook } from '../lane.ts';
import { BODY_BYTES, HEAD_TIME } from '../limits.ts';
import type { UpstreamUser } from '../upstream/connection.ts';
import { answer, answerForPlugin, STATUS_OF } from './answer.ts';
import type { HttpConnection } from './connection.ts';
import { ASKING, ExchangeState, FLUSHING, OVER, RELAYING, WAITING } from './exchange-state.ts';
import { expectMore, forward, forwardBody, holdBody, mayRetry, sendRequest, upstreamTimedOut } from './forward.ts';
import { prepareForwarding } from './forwarding.ts';
import { awaitReader } from './patience.ts';
import { relayBytes, relayEnd } from './relay.ts';
import { select } from './select.ts';
import { settleAttempt, settleExchange } from './settle.ts';

export class Exchange extends ExchangeState implements HttpExchange, RedirectableExchange, UpstreamUser {
  get protocol() { return 'http' as const; }
  #redirected: Lane | undefined;
  #isInHook = false;
  #isRetired = false;
  #lastFailure: { status: number; code: ErrorCode; detail: string } | undefined;
  readonly #onVerdict = (error: unknown, verdict: RequestVerdict | undefined): void => this.#heard(error, verdict, false);
  readonly #onPoolVerdict = (error: unknown, verdict: RequestVerdict | undefined): void => this.#heard(error, verdict, true);

  constructor() {
    super();
    Object.seal(this);
  }

  get route(): Route | undefined {
    return this.lane.route;
  }

  /** A head has come, good or bad: from here on there will be one `onResponse`. */
  begin(connection: HttpConnection, plan: ListenerPlan): void {
    this.reset(connection, plan);
    this.#redirected = undefined;
    this.#lastFailure = undefined;
    this.generation.enter();
  }

  /** The head is good; body bytes that came with it are in [at, end). Returns the position behind those that were taken. */
  start(bytes: Buffer, at: number, end: number): number {
    const { request, body } = this;
    const match = this.plan.routes.match(request);
    const isAmbiguous = this.plan.routes.isAmbiguous(request, match);
    if (match && !isAmbiguous) this.lane = this.plan.laneOf((this.match = match));
    this.keepAlive = request.keepAlive;
    if (request.hasBody) {
      body.begin(request.chunked ? 'chunked' : 'length', request.contentLength, request.namedFields === 0, this.plan.config.limits, request.edits);
      this.sending.reset();
    }
    prepareForwarding(this);
    if (isAmbiguous || request.contentLength > this.lane.maxBodyBytes) {
      if (isAmbiguous) this.refuse(400, 'ERR_REQUEST_MALFORMED', 'a path that some backends read as one of another route');
      else this.refuse(413, 'ERR_REQUEST_BODY_SIZE', `Content-Length ${request.contentLength} is over ${this.lane.maxBodyBytes}`);
      return end;
    }
    if (!body.isComplete && at < end) {
      if (!holdBody(this, bytes, at, end)) return end;
      at = body.at;
    }
    const hook = this.lane.onRequest;
    if (hook) this.#ask(hook, this.#onVerdict);
    else this.#toPool();
    return at;
  }

  /** A plugin's wish for another pool: the first counts. False when there is no http pool of that name. */
  redirect(pool: string): boolean {
    const lane = this.lane.toPool(pool);
    if (!lane) return false;
    this.#redirected ??= lane;
    return true;
  }

  #ask(hook: RequestHook, heard: (error: unknown, verdict: RequestVerdict | undefined) => void): void {
    this.#isInHook = true;
    hook.callAsync(this, heard);
  }

  #heard(error: unknown, verdict: RequestVerdict | undefined, isInPool: boolean): void {
    this.#isInHook = false;
    // Taps took their time, and some may block: what the backend is given begins now.
    this.thread.deadlines.readClock();
    if (this.stage === OVER) return this.#recycle();
    if (this.stage !== ASKING) return; // it was answered meanwhile, because it took too long
    // Guards let nothing through. If one did, nobody knows whether a filter was asked: then nobody gets in (tapable hands a throw on as `error`).
    if (error) return this.fail(500, 'ERR_PLUGIN_TAP', describeError(error));
    // A plugin, one of the first pool too, may have sent it to another pool: then that one's are asked. Once only, for the first wish counts.
    const isSentOn = this.#redirected !== undefined && this.lane !== this.#redirected;
    if (isSentOn) this.lane = this.#redirected!;
    if (verdict) return answerForPlugin(this, verdict);
    if (isSentOn || !isInPool) this.#toPool();
    else this.#choose();
  }

  #toPool(): void {
    const hook = this.lane.onRequestInPool;
    if (!hook) return this.#choose();
    this.#ask(hook, this.#onPoolVerdict);
  }

  #choose(): void {
    const pool = this.lane.pool;
    if (!pool) return this.fail(404, 'ERR_NO_ROUTE', 'no route matches');
    pool.budget.deposit(this.startedAt);
    this.#attempt();
  }

  #attempt(): void {
    this.hasWritten = false;
    this.hasResponseByte = false;
    this.interims = 0;
    this.partialHead = undefined;
    if (select(this)) return forward(this);
    if (this.#lastFailure) return this.fail(this.#lastFailure.status, this.#lastFailure.code, this.#lastFailure.detail);
    this.fail(503, 'ERR_NO_BACKEND', `no backend of pool ${this.pool.name} is available`);
  }

  /** The attempt under way failed for the backend's fault: another one, or the end. */
  attemptFailed(phase: Phase, code: ErrorCode, detail: string): void {
    this.dropUpstream();
    const { backend } = this;
    this.tried.push(backend!);
    this.thread.events.attemptFailed(code, detail, { exchange: this.id, backend: backend!.id, phase, attempt: this.attempts });
    settleAttempt(this, { kind: 'failed', phase, code, status: this.stage === RELAYING ? this.status : 0 });
    if (this.stage >= RELAYING) return this.#breakOff('backend', code);
    const isTimeout = code === 'ERR_UPSTREAM_TIMEOUT' || code === 'ERR_UPSTREAM_CONNECT_TIMEOUT';
    this.#lastFailure = { status: isTimeout ? 504 : 502, code, detail };
    if (!mayRetry(this)) return this.fail(this.#lastFailure.status, code, detail);
    this.#attempt();
  }

  /** Whether body bytes can be taken now. */
  get takesBody(): boolean {
    if (this.body.isComplete || (this.stage !== WAITING && this.stage !== RELAYING)) return false;
    const { socket } = this.upstream!;
    return !socket.isClogged && !socket.isGone;
  }

  /** Takes body bytes from [at, end); returns the position behind them. */
  takeBody(bytes: Buffer, at: number, end: number): number {
    return forwardBody(this, bytes, at, end);
  }

  refuseHead(): void {
    const code = this.request.fault || 'ERR_REQUEST_MALFORMED';
    if (code === 'ERR_REQUEST_TIMEOUT') this.hit(HEAD_TIME);
    else if (code === 'ERR_REQUEST_HEAD_SIZE' || code === 'ERR_REQUEST_TARGET_SIZE') this.hit(this.request.limitMet);
    this.refuse(STATUS_OF[code] ?? 400, code, this.request.faultDetail);
  }

  /** The client is at fault: it is told, and its connection ends. */
  refuse(status: number, code: ErrorCode, detail: string): void {
    if (code === 'ERR_REQUEST_BODY_SIZE') this.hit(BODY_BYTES);
    this.keepAlive = false;
    this.fail(status, code, detail, 'client');
  }

  /** The balancer answers in place of a backend; if a response has begun, it is broken off. */
  fail(status: number, code: ErrorCode, detail: string, by: Aborter = 'balancer'): void {
    this.dropUpstream();
    settleAttempt(this, { kind: 'aborted', by, status: this.status });
    this.code = code;
    this.thread.events.answered(code, detail, {
      exchange: this.id, listener: this.connection.listener, client: this.clientAddress, status,
      route: this.lane.route?.name, backend: this.backend?.id, attempts: this.attempts,
    });
    if (this.stage >= RELAYING) return this.#breakOff(by, code);
    answer(this, status, code);
  }

  /** The response is complete as far as the client's socket will take it. */
  flush(isGone: boolean): void {
    if (isGone) return this.finish();
    this.stage = FLUSHING;
    awaitReader(this);
  }

  finish(): void {
    const { connection, keepAlive } = this;
    const mayGoOn = keepAlive && this.body.isComplete;
    this.end(undefined);
    connection.next(mayGoOn);
  }

  /** The response has begun and cannot be completed: the client must not take it for whole. */
  #breakOff(by: Result['abortedBy'], code: ErrorCode): void {
    const { connection } = this;
    this.code = code;
    connection.abandon();
    this.end(by);
  }

  /** The one end of every exchange. */
  end(abortedBy: Result['abortedBy']): void {
    this.stage = OVER;
    // Before the object can serve another connection: what this one still hears must not reach that.
    this.connection.release();
    settleExchange(this, {
      status: this.status,
      backend: this.backend,
      attempts: this.attempts,
      answeredBy: this.answeredBy,
      abortedBy,
      code: this.code,
      bytesFromClient: this.tunnel ? this.tunnel.bytesFromClient : this.body.received,
      bytesToClient: this.tunnel ? this.tunnel.bytesToClient : this.reply.received,
      firstByteMs: this.firstByteMs,
      durationMs: this.now() - this.startedAt,
    });
    this.held.clear();
    this.tunnel = undefined;
    if (!this.#isInHook) this.#recycle();
  }

  #recycle(): void {
    if (this.#isRetired) return;
    this.forget();
    this.thread.giveBack(this);
  }

  /** An asynchronous tap was given this object and may hold it for ever: it serves nobody else after this exchange. */
  retire(): void {
    this.#isRetired = true;
  }

  /** Somebody ends it before its end. */
  abort(by: Aborter, code: ErrorCode): void {
    if (this.stage === OVER) return;
    this.thread.deadlines.readClock();
    if (this.tunnel) return this.tunnel.cut();
    this.dropUpstream();
    settleAttempt(this, { kind: 'aborted', by, status: this.status });
    this.code = code;
    this.end(by);
  }

  // What the client's connection tells.
  clientGone(): void {
    this.abort('client', 'ERR_CLIENT_CLOSED');
  }

  clientEnded(): void {
    const waits = this.stage === FLUSHING || (this.plan.config.halfClose === 'serve' && this.body.isComplete);
    if (waits) return;
    // A FIN behind half a response would say to HTTP/1.0 that this was all of it.
    if (this.stage === RELAYING) this.connection.socket.reset();
    else this.connection.socket.destroy();
  }

  /** We have no descriptor left for a connection: that is not the backend's fault, and another backend would not help. */
  exhausted(detail: string): void {
    this.thread.accepting.exhausted();
    this.fail(503, 'ERR_DESCRIPTORS', detail);
  }

  cut(): void {
    this.abort('balancer', 'ERR_DRAIN_LIMIT');
  }

  // What the connection to the backend tells.
  onUpstreamOpen(): void {
    this.lease!.connectMs = this.now() - this.lease!.startedAt;
    sendRequest(this);
  }

  onUpstreamBytes(bytes: Buffer, start: number, end: number): void {
    relayBytes(this, bytes, start, end);
  }

  onUpstreamEnd(): void {
    relayEnd(this, undefined);
  }

  onUpstreamDrain(): void {
    if (this.body.isComplete) return;
    // It has taken everything: it is for the client again.
    expectMore(this);
    this.connection.bodyWanted();
  }

  onUpstreamGone(error: Error | undefined): void {
    this.upstream = undefined;
    relayEnd(this, error);
  }

  onUpstreamDeadline(): void {
    upstreamTimedOut(this);
  }
}

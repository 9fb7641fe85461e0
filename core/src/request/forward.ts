/** Step 4: the request to the backend: its head and what there is of its body in one write, then the body as it comes. */
import type { Exchange } from './exchange.ts';
import { CONNECTING, RELAYING, WAITING } from './exchange-state.ts';
import { UpstreamConnection } from '../upstream/connection.ts';
import { CRLF, writeChunkHead } from '../http1/chunked.ts';
import { NO_LIMIT, TRAILER_BYTES } from '../limits.ts';
import { awaitBody } from './patience.ts';
import { completeWire } from './forwarding.ts';

/** Chunk line, CRLF, last chunk and empty line around held bytes. */
const CHUNK_OVERHEAD = 64;

/** Takes an idle connection, or asks for a new one. `fresh`: an idle one has just failed. */
export function forward(exchange: Exchange, fresh = false): void {
  const { thread, lease, pool } = exchange;
  exchange.stage = CONNECTING;
  exchange.isOnReused = false;
  const idle = fresh ? undefined : thread.idle.take(lease!.backend);
  if (idle) {
    idle.user = exchange;
    exchange.isOnReused = true;
    exchange.upstream = idle;
    lease!.connectMs = 0;
    return sendRequest(exchange);
  }
  exchange.upstream = new UpstreamConnection(thread.engine, thread.deadlines, thread.idle, lease!.backend, exchange);
  exchange.upstream.deadline = thread.deadlines.in(pool.config.timeouts.connectMs);
}

export function sendRequest(exchange: Exchange): void {
  const { thread, request, body, held, lease } = exchange;
  const { out } = thread;
  const upstream = exchange.upstream!;
  if (body.framing === 'chunked') body.chunks.dropEdited();
  const unrewritten = request.mark();
  const wire = completeWire(exchange);
  const from = out.reserve(request.wireBound(wire) + held.length + CHUNK_OVERHEAD + (body.framing === 'chunked' ? body.chunks.trailers.length : 0));
  const behindHead = request.write(out.bytes, from, wire);
  // Plugins see the request as the client sent it: at the next attempt, at the response, at the end.
  if (request.mark() > unrewritten) request.rollback(unrewritten);
  const end = writeHeld(exchange, 0, out.bytes, behindHead);
  exchange.stage = WAITING;
  out.send(upstream.socket, end);
  // Not a byte was taken: whatever its method, the request can be sent again as soon as the connection says that it is closed.
  if (upstream.socket.isGone) return;
  if (!exchange.hasWritten) {
    exchange.hasWritten = true;
    exchange.writes++;
  }
  lease!.bytesToBackend += end - from;
  forgetHeldIfUseless(exchange);
  expectMore(exchange);
  if (!body.isComplete) exchange.connection.bodyWanted();
}

/** Keeps body bytes until they can be sent. False when they end the exchange. */
export function holdBody(exchange: Exchange, bytes: Buffer, at: number, end: number): boolean {
  const { body, held } = exchange;
  held.makeRoom(body.bound(end - at));
  held.length = body.reframe(bytes, at, end, held.bytes, held.length, false);
  return checkBody(exchange);
}

/** Body bytes from the client while the backend takes them. Returns the position behind them. */
export function forwardBody(exchange: Exchange, bytes: Buffer, at: number, end: number): number {
  const { thread, body, held } = exchange;
  const { out } = thread;
  const size = body.bound(end - at);
  let from: number;
  let to: number;
  if (exchange.isHeldWhole) {
    const before = held.length;
    held.makeRoom(size);
    held.length = body.reframe(bytes, at, end, held.bytes, before, false);
    at = body.at;
    if (!checkBody(exchange)) return end;
    from = out.reserve(held.length - before + CHUNK_OVERHEAD + (body.framing === 'chunked' ? body.chunks.trailers.length : 0));
    to = writeHeld(exchange, before, out.bytes, from);
  } else {
    from = out.reserve(size);
    to = body.reframe(bytes, at, end, out.bytes, from, body.framing === 'chunked');
    at = body.at;
    if (!checkBody(exchange)) return end;
  }
  if (to > from) {
    exchange.lease!.bytesToBackend += to - from;
    out.send(exchange.upstream!.socket, to);
  }
  forgetHeldIfUseless(exchange);
  expectMore(exchange);
  return at;
}

/** Whether what was read of the body keeps the grammar and the limits. Otherwise the exchange is over. */
function checkBody(exchange: Exchange): boolean {
  const { body, lane } = exchange;
  if (body.isBroken) {
    const { limitMet, faultDetail } = body.chunks;
    if (limitMet !== NO_LIMIT) exchange.hit(limitMet);
    if (limitMet === TRAILER_BYTES) exchange.refuse(431, 'ERR_REQUEST_HEAD_SIZE', faultDetail);
    else exchange.refuse(400, 'ERR_REQUEST_MALFORMED', faultDetail);
    return false;
  }
  if (body.received > lane.maxBodyBytes) {
    exchange.refuse(413, 'ERR_REQUEST_BODY_SIZE', `the body is over ${lane.maxBodyBytes} bytes`);
    return false;
  }
  return true;
}

/** Held payload from `from` on, framed for the backend; with the end of the body if that is there. */
function writeHeld(exchange: Exchange, from: number, target: Buffer, position: number): number {
  const { body, held } = exchange;
  const size = held.length - from;
  if (size === 0 && body.framing !== 'chunked') return position;
  if (body.framing !== 'chunked') return position + held.bytes.copy(target, position, from, held.length);
  if (size > 0) {
    position = writeChunkHead(target, position, size);
    position += held.bytes.copy(target, position, from, held.length);
    position += CRLF.copy(target, position);
  }
  return body.isComplete ? body.writeEnd(target, position) : position;
}

/** What was sent is kept only while the request could be sent again. */
function forgetHeldIfUseless(exchange: Exchange): void {
  if (!exchange.isHeldWhole || exchange.body.framing === 'none') return;
  if (exchange.request.isIdempotent && exchange.held.length <= exchange.pool.config.retry.retryBufferBytes) return;
  exchange.isHeldWhole = false;
  exchange.held.clear();
}

/** Nothing was written yet, or the method is idempotent (RFC 9110 §9.2.2) and everything that was written is still there. */
export function isReplayable(exchange: Exchange): boolean {
  return exchange.writes === 0 || (exchange.request.isIdempotent && exchange.isHeldWhole);
}

/** After a failed attempt: whether there may be another one. */
export function mayRetry(exchange: Exchange): boolean {
  const { pool, writes } = exchange;
  const { attempts, replays } = pool.config.retry;
  if (exchange.attempts >= attempts || exchange.hasResponseByte) return false;
  if (writes === 0) return true;
  return writes <= replays && isReplayable(exchange) && pool.budget.withdraw(exchange.now());
}

/** Sets the deadlines by what is to come next: the client's body, room at the backend, or the response. */
export function expectMore(exchange: Exchange): void {
  const { thread, pool, body, connection, request } = exchange;
  const upstream = exchange.upstream!;
  const { bodyMs, responseMs } = pool.config.timeouts;
  const isRelaying = exchange.stage === RELAYING;
  if (isRelaying && connection.socket.isClogged) {
    // The client does not take its response, and by that stops everything: its time runs (relay.ts has set it), not the backend's.
    if (!body.isComplete && upstream.socket.isClogged) connection.socket.pause();
    exchange.sending.rest(thread.deadlines.now);
  } else if (body.isComplete) {
    connection.deadline = Infinity;
    upstream.deadline = thread.deadlines.in(isRelaying ? bodyMs : responseMs);
  } else if (upstream.socket.isClogged) {
    connection.deadline = Infinity;
    connection.socket.pause();
    exchange.sending.rest(thread.deadlines.now);
    upstream.deadline = thread.deadlines.in(bodyMs);
  } else if (request.expectContinue && body.received === 0) {
    // The client waits for the backend's word (RFC 9110 §10.1.1), so the backend's time runs, not the client's.
    connection.deadline = Infinity;
    upstream.deadline = thread.deadlines.in(responseMs);
  } else {
    awaitBody(exchange);
    upstream.deadline = Infinity;
  }
}

/** Whatever was waited for of the backend did not come. */
export function upstreamTimedOut(exchange: Exchange): void {
  const { connectMs, responseMs, bodyMs } = exchange.pool.config.timeouts;
  if (exchange.stage === CONNECTING) return exchange.attemptFailed('connect', 'ERR_UPSTREAM_CONNECT_TIMEOUT', `no connection within ${connectMs} ms`);
  if (exchange.stage === RELAYING) return exchange.attemptFailed('body', 'ERR_UPSTREAM_TIMEOUT', `no byte of the response for ${bodyMs} ms`);
  if (!exchange.body.isComplete) return exchange.attemptFailed('send', 'ERR_UPSTREAM_TIMEOUT', `the backend took no byte of the request for ${bodyMs} ms`);
  exchange.attemptFailed('head', 'ERR_UPSTREAM_TIMEOUT', `no response within ${responseMs} ms`);
}

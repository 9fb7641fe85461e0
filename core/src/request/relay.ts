/** Step 5: the response of the backend to the client. */
import type { ErrorCode, Phase } from '@steelyard/sdk';
import type { Http1ResponseHead, ResponseWire } from '../http1/response-head.ts';
import { endsHead } from '../http1/request-head.ts';
import { isExhaustion } from '../sockets/system-error.ts';
import { isOffered, startTunnel } from './upgrade.ts';
import type { Exchange } from './exchange.ts';
import { CONNECTING, FLUSHING, RELAYING, TUNNELLING, WAITING } from './exchange-state.ts';
import { forward, isReplayable } from './forward.ts';
import { awaitBody, awaitReader } from './patience.ts';
import { settleAttempt } from './settle.ts';

/** A backend that sends interim responses without end is not answering. */
const MAX_INTERIM = 32;

export function relayBytes(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
  const lease = exchange.lease!;
  lease.bytesFromBackend += end - start;
  if (!exchange.hasResponseByte) {
    exchange.hasResponseByte = true;
    lease.firstByteMs = exchange.now() - lease.startedAt;
  }
  if (exchange.stage === RELAYING) return relayBody(exchange, bytes, start, end);
  if (exchange.stage !== WAITING) return exchange.attemptFailed('head', 'ERR_UPSTREAM_MALFORMED', 'bytes came before the request was sent');
  const partial = exchange.partialHead;
  if (!partial) return relayHead(exchange, bytes, start, end);
  const whole = Buffer.concat([partial, bytes.subarray(start, end)]);
  // Looking again pays when what was looked at has doubled, when it may be complete, and when it is too much.
  const { maxHeadBytes } = exchange.pool.responseLimits;
  if (whole.length < 2 * exchange.partialLookedAt && whole.length < maxHeadBytes && !endsHead(whole, Math.max(0, partial.length - 3), whole.length)) {
    exchange.partialHead = whole;
    return;
  }
  exchange.partialHead = undefined;
  relayHead(exchange, whole, 0, whole.length);
}

function relayHead(exchange: Exchange, bytes: Buffer, at: number, end: number): void {
  const { response, request } = exchange;
  while (at < end) {
    const behind = response.parse(bytes, at, end, exchange.pool.responseLimits);
    if (behind === 0) break;
    if (behind < 0) return malformed(exchange, response.faultDetail);
    if (response.status >= 200) return beginReply(exchange, bytes, behind, end);
    if (response.status === 101) {
      if (!request.upgrade || !response.upgrade || !isOffered(exchange)) return malformed(exchange, '101 that was not asked for'); // RFC 9110 §7.8
      return startTunnel(exchange, bytes, behind, end);
    }
    // Over all reads: this bounds also what waits for a client that does not read.
    if (++exchange.interims > MAX_INTERIM) return malformed(exchange, `more than ${MAX_INTERIM} interim responses`);
    if (request.version === '1.1') writeInterim(exchange); // none to HTTP/1.0: RFC 9110 §15.2
    at = behind;
  }
  if (at === end) return;
  exchange.partialHead = Buffer.from(bytes.subarray(at, end));
  exchange.partialLookedAt = end - at;
}

function malformed(exchange: Exchange, detail: string): void {
  exchange.attemptFailed('head', 'ERR_UPSTREAM_MALFORMED', detail);
}

const INTERIM: ResponseWire = { framing: 'none', connection: '' };

function writeInterim(exchange: Exchange): void {
  const { thread, response, connection, body } = exchange;
  const { out } = thread;
  const from = out.reserve(response.wireBound(INTERIM));
  out.send(connection.socket, response.write(out.bytes, from, INTERIM));
  // Once: a backend that repeats its 100 gives the client no further time.
  if (response.status !== 100 || body.isComplete || exchange.upstream!.deadline === Infinity) return;
  // The backend has spoken; now it is for the client to send.
  awaitBody(exchange);
  exchange.upstream!.deadline = Infinity;
}

/** The final head has come: plugins see it, then it leaves together with what came of its body. */
function beginReply(exchange: Exchange, bytes: Buffer, at: number, end: number): void {
  const { thread, response, reply, lease, lane, connection } = exchange;
  const framing = replyFraming(exchange, response);
  reply.begin(framing, Math.max(0, response.contentLength), response.namedFields === 0, undefined, response.edits);
  lease!.strategy?.onHead?.(lease!, response);
  exchange.hasShownHead = true;
  lane.hooks.onResponseHead?.call(exchange, response);
  const wire = clientWire(exchange, framing);
  const { out } = thread;
  const from = out.reserve(response.wireBound(wire) + reply.bound(end - at));
  let to = response.write(out.bytes, from, wire);
  if (!reply.isComplete && at < end) {
    to = reply.reframe(bytes, at, end, out.bytes, to, wire.framing === 'chunked');
    at = reply.at;
    if (reply.isBroken) return malformed(exchange, reply.chunks.faultDetail);
  }
  exchange.stage = RELAYING;
  exchange.status = response.status;
  exchange.answeredBy = 'backend';
  exchange.firstByteMs = exchange.now() - exchange.startedAt;
  proceed(exchange, out.send(connection.socket, to), at < end);
}

/** RFC 9112 §6.3, for a response to this request. */
function replyFraming(exchange: Exchange, response: Http1ResponseHead): 'none' | 'length' | 'chunked' | 'close' {
  if (exchange.request.isHead || response.status === 204 || response.status === 304) return 'none';
  if (response.chunked) return 'chunked';
  return response.contentLength >= 0 ? 'length' : 'close';
}

/** Used again for each response head: it is written at once. */
const CLIENT_WIRE: { -readonly [K in keyof ResponseWire]: ResponseWire[K] } = { framing: 'none', connection: '' };

/** What the client is told of framing and persistence; valid until the next call. Decides whether its connection goes on. */
export function clientWire(exchange: Exchange, framing: 'none' | 'length' | 'chunked' | 'close'): ResponseWire {
  const { request, body, connection } = exchange;
  const isUnknownLength = framing === 'chunked' || framing === 'close';
  const isHttp10 = request.version === '1.0';
  // A response that overtakes its request ends the connection: what is left of the body has no taker (RFC 9112 §9.6).
  if (!body.isComplete || connection.isDraining || (isUnknownLength && isHttp10)) exchange.keepAlive = false;
  CLIENT_WIRE.framing = isUnknownLength ? (isHttp10 ? 'close' : 'chunked') : framing;
  CLIENT_WIRE.connection = exchange.keepAlive ? (isHttp10 ? 'keep-alive' : '') : 'close';
  return CLIENT_WIRE;
}

function relayBody(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
  const { thread, reply, connection, request } = exchange;
  const { out } = thread;
  const asChunks = request.version === '1.1' && (reply.framing === 'chunked' || reply.framing === 'close');
  const from = out.reserve(reply.bound(end - start));
  const to = reply.reframe(bytes, start, end, out.bytes, from, asChunks);
  if (reply.isBroken) return exchange.attemptFailed('body', 'ERR_UPSTREAM_MALFORMED', reply.chunks.faultDetail);
  proceed(exchange, to > from ? out.send(connection.socket, to) : true, reply.at < end);
}

/** After a write to the client: more is to come, or the response is complete. */
function proceed(exchange: Exchange, isGone: boolean, hasSurplus: boolean): void {
  const { thread, reply, pool } = exchange;
  const upstream = exchange.upstream!;
  if (reply.isComplete) return endReply(exchange, isGone, hasSurplus);
  if (isGone) {
    upstream.deadline = thread.deadlines.in(pool.config.timeouts.bodyMs);
    return;
  }
  upstream.socket.pause();
  upstream.deadline = Infinity;
  awaitReader(exchange);
}

function endReply(exchange: Exchange, isGone: boolean, hasSurplus: boolean): void {
  const { body, reply, response, pool } = exchange;
  const upstream = exchange.upstream!;
  exchange.upstream = undefined;
  // Bytes behind the response would be taken for the next one; a request cut short leaves the backend waiting for its rest.
  const isReusable = response.keepAlive && reply.framing !== 'close' && body.isComplete && !hasSurplus && !upstream.socket.isClogged && pool.has(upstream.backend);
  if (isReusable) upstream.park(pool.config.timeouts.idleMs, pool.config.maxIdle);
  else upstream.destroy();
  settleAttempt(exchange, reply.framing === 'chunked'
    ? { kind: 'answered', status: response.status, trailers: reply.chunks.section }
    : { kind: 'answered', status: response.status });
  exchange.flush(isGone);
}

/** The backend has ended the connection, in order (`error` undefined) or not. */
export function relayEnd(exchange: Exchange, error: Error | undefined): void {
  const { stage, reply, thread, connection, request } = exchange;
  if (stage === TUNNELLING || stage === FLUSHING) return;
  if (stage === RELAYING && reply.framing === 'close' && !error && exchange.upstream) {
    const { out } = thread;
    const from = out.reserve(reply.bound(0));
    const to = request.version === '1.1' ? reply.writeEnd(out.bytes, from) : from;
    reply.isComplete = true;
    return endReply(exchange, to > from ? out.send(connection.socket, to) : !connection.socket.isClogged, false);
  }
  if (stage === CONNECTING && error && isExhaustion(error)) return exchange.exhausted(error.message);
  if (stage === CONNECTING) return exchange.attemptFailed('connect', 'ERR_UPSTREAM_CONNECT', reasonOf(error, 'closed at once'));
  const upstream = exchange.upstream;
  exchange.upstream = undefined;
  upstream?.destroy();
  const wasStale = exchange.isOnReused && !exchange.hasResponseByte;
  if (stage === WAITING && wasStale && isReplayable(exchange)) {
    // An idle connection that the backend had closed, or closed at this moment: not a failed attempt, a fresh one will do.
    return forward(exchange, true);
  }
  const [phase, code]: [Phase, ErrorCode] = [stage === RELAYING ? 'body' : exchange.body.isComplete ? 'head' : 'send', 'ERR_UPSTREAM_CLOSED'];
  exchange.attemptFailed(phase, code, reasonOf(error, stage === RELAYING ? 'closed before the response was complete' : 'closed without a response'));
}

function reasonOf(error: Error | undefined, otherwise: string): string {
  return error ? error.message : otherwise;
}

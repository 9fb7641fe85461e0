/** Responses that no backend gave: the core's own (404, 502, …) and those of plugins. They take the way of any response, hooks included. */
import { STATUS_CODES } from 'node:http';
import type { Answer, ErrorCode } from '@steelyard/sdk';
import type { RequestVerdict } from '../hooks.ts';
import type { Exchange } from './exchange.ts';
import { RELAYING } from './exchange-state.ts';
import { clientWire } from './relay.ts';

export const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  ERR_REQUEST_MALFORMED: 400,
  ERR_REQUEST_TIMEOUT: 408,
  ERR_REQUEST_TARGET_SIZE: 414,
  ERR_REQUEST_EXPECT: 417,
  ERR_REQUEST_HEAD_SIZE: 431,
  ERR_REQUEST_METHOD: 501,
  ERR_REQUEST_TRANSFER_CODING: 501,
  ERR_REQUEST_VERSION: 505,
};

/** What a client may be told: that something is wrong, never how it looks inside. */
const TOLD: Partial<Record<ErrorCode, string>> = {
  ERR_NO_ROUTE: 'nothing is served here',
  ERR_NO_BACKEND: 'no server is available',
  ERR_DESCRIPTORS: 'there is no room for another connection',
  ERR_EXCHANGE_TIMEOUT: 'it took too long',
  ERR_REQUEST_BODY_SIZE: 'the body is too large',
  ERR_REQUEST_TIMEOUT: 'the request did not come in time',
};

/** Seconds after which another try makes sense, where it does. */
const RETRY_AFTER: Partial<Record<number, string>> = { 503: '1' };

const LIMITS = { maxHeadBytes: 65_536, maxTargetBytes: 65_536, maxHeaders: 256 };

/** The core answers. */
export function answer(exchange: Exchange, status: number, code: ErrorCode): void {
  const reason = STATUS_CODES[status] ?? 'Error';
  const told = TOLD[code];
  const body = Buffer.from(`${status} ${reason}${told ? `: ${told}` : ''}\n`);
  const retryAfter = RETRY_AFTER[status];
  const fields: [string, string][] = [['Content-Type', 'text/plain; charset=utf-8']];
  if (retryAfter) fields.push(['Retry-After', retryAfter]);
  exchange.answeredBy = 'balancer';
  send(exchange, status, fields, body);
}

/** A plugin answers. What it gave was checked for its shape; here it meets the grammar of HTTP. */
export function answerForPlugin(exchange: Exchange, verdict: RequestVerdict): void {
  const given: Answer = verdict.respond;
  const fields: [string, string][] = [];
  for (const [name, value] of Object.entries(given.headers ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) fields.push([name, one]);
  }
  // A failed plugin that is closed has not decided anything: the balancer did, in its place.
  exchange.answeredBy = verdict.code ? 'balancer' : 'plugin';
  exchange.code = verdict.code ?? 'ERR_REFUSED';
  send(exchange, given.status, fields, typeof given.body === 'string' ? Buffer.from(given.body) : Buffer.from(given.body ?? ''));
}

function send(exchange: Exchange, status: number, fields: readonly (readonly [string, string])[], body: Buffer): void {
  const { thread, response, request, reply, lane, connection } = exchange;
  const hasNoBody = status === 204 || status === 304;
  const framing = hasNoBody ? '' : `Content-Length: ${body.length}\r\n`;
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines}${framing}\r\n`, 'latin1');
  if (response.parse(head, 0, head.length, LIMITS) !== head.length) {
    thread.events.fault(new Error(response.faultDetail), 'a plugin answered with a head that is no HTTP: 500 was sent in its place');
    exchange.code = 'ERR_PLUGIN_TAP';
    return answer(exchange, 500, 'ERR_PLUGIN_TAP');
  }
  // A request that was not understood is not shown to plugins as if it were one.
  if (request.fault === '' && !exchange.hasShownHead) lane.hooks.onResponseHead?.call(exchange, response);
  exchange.status = status;
  exchange.stage = RELAYING;
  exchange.firstByteMs = exchange.now() - exchange.startedAt;
  const withBody = !hasNoBody && !request.isHead;
  const wire = clientWire(exchange, withBody ? 'length' : 'none');
  reply.begin(withBody ? 'length' : 'none', body.length);
  const { out } = thread;
  const from = out.reserve(response.wireBound(wire) + body.length);
  let to = response.write(out.bytes, from, wire);
  if (withBody) to = reply.reframe(body, 0, body.length, out.bytes, to, false);
  exchange.flush(out.send(connection.socket, to));
}

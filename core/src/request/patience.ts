/** Waiting for a client: how long for the next bytes of its body, how long until it reads, how long for an exchange as a whole. */
import type { DataThread } from '../data-thread.ts';
import { BODY_RATE, BODY_TIME, NO_LIMIT, REQUEST_TIME, WRITE_RATE, WRITE_TIME } from '../limits.ts';
import type { Timed } from '../sockets/deadlines.ts';
import type { HttpConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { FLUSHING, RELAYING } from './exchange-state.ts';
import type { PaceRules } from './pace.ts';

const NOTHING = Buffer.alloc(0);
/** Filled for each question: it is used at once. */
const RULES: { -readonly [K in keyof PaceRules]: PaceRules[K] } = { silenceMs: 0, graceMs: 0, minPerSecond: 0 };

function bodyRules({ plan: { config } }: Exchange): PaceRules {
  RULES.silenceMs = config.timeouts.bodyMs;
  RULES.graceMs = config.timeouts.graceMs;
  RULES.minPerSecond = config.limits.minBodyBytesPerSecond;
  return RULES;
}

function readerRules({ plan: { config } }: Exchange): PaceRules {
  RULES.silenceMs = config.timeouts.writeMs;
  RULES.graceMs = config.timeouts.graceMs;
  RULES.minPerSecond = config.limits.minResponseBytesPerSecond;
  return RULES;
}

/** It is for the client to send more of its body. */
export function awaitBody(exchange: Exchange): void {
  const { deadlines } = exchange.thread;
  exchange.connection.deadline = deadlines.in(exchange.sending.wait(deadlines.now, exchange.body.received, bodyRules(exchange)));
}

/** It is for the client to read: its socket takes no more. */
export function awaitReader(exchange: Exchange): void {
  const { deadlines } = exchange.thread;
  exchange.connection.deadline = deadlines.in(exchange.reading.wait(deadlines.now, bytesTaken(exchange), readerRules(exchange)));
}

/**
 * The time of a client that does not read is over. Nothing tells of a write of which only a part is gone, so it is looked for here.
 * @returns the limit that it has met; `NO_LIMIT`: it has read, and fast enough, so its time begins anew.
 */
function readerLimit(exchange: Exchange): number {
  const { reading, thread, connection } = exchange;
  const { deadlines } = thread;
  const taken = bytesTaken(exchange);
  if (taken <= reading.bytes) return reading.isTooSlow(deadlines.now, readerRules(exchange)) ? WRITE_RATE : WRITE_TIME;
  const ms = reading.wait(deadlines.now, taken, readerRules(exchange));
  if (ms <= 0) return WRITE_RATE;
  connection.deadline = deadlines.in(ms);
  return NO_LIMIT;
}

/** Of the response, as far as the system took it; less the head, and what we put around chunks. */
function bytesTaken({ reply, connection }: Exchange): number {
  return reply.received - connection.socket.unsentBytes;
}

/** The client's socket has taken everything that waited. */
export function clientDrained(exchange: Exchange): void {
  const { stage, upstream, body, connection, thread, pool } = exchange;
  if (stage === FLUSHING) return exchange.finish();
  if (stage !== RELAYING || !upstream) return;
  exchange.reading.rest(exchange.now());
  if (body.isComplete || upstream.socket.isClogged) connection.deadline = Infinity;
  else awaitBody(exchange);
  upstream.deadline = thread.deadlines.in(pool.config.timeouts.bodyMs);
  upstream.socket.resume();
}

/** What the client was to do it has not done. */
export function clientTimedOut(exchange: Exchange): void {
  const { socket } = exchange.connection;
  if (!socket.isClogged) {
    const isTooSlow = exchange.sending.isTooSlow(exchange.now(), bodyRules(exchange));
    exchange.hit(isTooSlow ? BODY_RATE : BODY_TIME);
    return exchange.refuse(408, 'ERR_REQUEST_TIMEOUT', isTooSlow ? 'the body came too slowly' : 'the body did not come in time');
  }
  const limit = readerLimit(exchange);
  if (limit === NO_LIMIT) return;
  exchange.hit(limit);
  exchange.abort('client', 'ERR_CLIENT_STALLED');
  socket.reset();
}

/** A head was begun and not completed. @param exchange a free one, for it */
export function headTimedOut(exchange: Exchange, connection: HttpConnection): void {
  const { plan } = connection;
  // Empties it: the object may have served another client, and hooks are shown it.
  exchange.request.parse(NOTHING, 0, 0, plan.config.limits);
  exchange.request.fault = 'ERR_REQUEST_TIMEOUT';
  exchange.request.faultDetail = 'the head was not complete in time';
  exchange.begin(connection, plan);
  exchange.refuseHead();
}

/** `requestMs` is over. */
export function exchangeTimedOut(exchange: Exchange): void {
  exchange.hit(REQUEST_TIME);
  const detail = `not over within ${exchange.plan.config.timeouts.requestMs} ms`;
  if (exchange.body.isComplete || exchange.stage >= RELAYING) exchange.fail(504, 'ERR_EXCHANGE_TIMEOUT', detail);
  else exchange.refuse(408, 'ERR_REQUEST_TIMEOUT', detail);
}

/** The limit of an exchange as a whole, where there is one: it runs beside whatever is waited for within. */
export class RequestClock implements Timed {
  deadline = Infinity;
  deadlineIndex = -1;
  readonly #thread: DataThread;
  readonly #onOver: () => void;

  constructor(thread: DataThread, onOver: () => void) {
    this.#thread = thread;
    this.#onOver = onOver;
    thread.deadlines.add(this);
  }

  start(ms: number): void {
    this.deadline = this.#thread.deadlines.in(ms);
  }
  stop(): void {
    this.deadline = Infinity;
  }
  end(): void {
    this.#thread.deadlines.remove(this);
  }
  onDeadline(): void {
    this.#onOver();
  }
}

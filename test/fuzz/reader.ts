/**
 * Our parsers as the data path uses them (`core/src/request/connection.ts` and `relay.ts`), without its sockets: reads come in, a head
 * that is not complete waits, bodies are reframed. Bytes behind a read are poison, so that looking at them shows.
 */
import { BodyReader, type BodyFraming } from '../../core/src/http1/body-reader.ts';
import type { HeadLimits } from '../../core/src/http1/limits.ts';
import { Http1RequestHead, endsHead } from '../../core/src/http1/request-head.ts';
import { Http1ResponseHead } from '../../core/src/http1/response-head.ts';
import type { Ending, Input } from './meaning.ts';

/** The defaults of the config. */
export const LIMITS: HeadLimits = { maxHeadBytes: 32_768, maxTargetBytes: 8_192, maxHeaders: 100 };
/** Bytes that would make a difference if someone looked at them. */
const POISON = Buffer.from('\n\r\n0\r\n\r\naHTTP/1.1\r\n\r\n', 'latin1');
/** Ends any trailer section. */
const PROBE = Buffer.from('\r\n\r\n');
/** As in the data path: a head may end with bytes of the read before. */
const LOOK_BACK_BYTES = 3;

/** What a reading gives. `start` and `end` are offsets in the whole input. */
export interface Sink {
  /** A head was accepted. Write it now: the object is used again. @returns whether the body shall come as chunks. */
  onHead(reader: Reader, start: number, end: number): boolean;
  onBody(bytes: Buffer, start: number, end: number): void;
  /** The message is complete. */
  onEnd(reader: Reader, end: number): void;
}

export class Reader {
  readonly request = new Http1RequestHead();
  readonly response = new Http1ResponseHead();
  readonly body = new BodyReader();
  ending: Ending = 'more';
  code = '';
  detail = '';
  /** Of the request that a response answers. */
  method = 'GET';
  #slab = Buffer.alloc(4_096);
  #target = Buffer.alloc(4_096);
  #input: Input | undefined;
  #sink: Sink | undefined;
  #isInBody = false;
  #asChunks = false;
  #answered = 0;
  /** The end of the bytes is not the end of the connection: it goes on with empty lines, so that a fault which waits to be looked at shows. */
  readonly #isProbing: boolean;
  readonly #limits: HeadLimits;
  /** Offset in the input of the first byte of the slab. */
  #base = 0;

  constructor({ isProbing = false, limits = LIMITS } = {}) {
    this.#isProbing = isProbing;
    this.#limits = limits;
  }

  /** @param cuts where one read ends and the next begins, in order. */
  read(input: Input, bytes: Buffer, cuts: readonly number[], sink: Sink): void {
    this.#input = input;
    this.#sink = sink;
    this.ending = 'more';
    this.code = '';
    this.detail = '';
    this.#isInBody = false;
    this.#answered = 0;
    this.#base = 0;
    this.method = input.methods[0] ?? 'GET';
    this.body.begin('none', 0);
    if (this.#slab.length < bytes.length + POISON.length) this.#slab = Buffer.alloc(bytes.length * 2 + POISON.length);

    let held = 0;
    let lookedAt = 0;
    for (let i = 0, from = 0; i <= cuts.length && this.ending === 'more'; i++) {
      const to = i < cuts.length ? cuts[i]! : bytes.length;
      bytes.copy(this.#slab, held, from, to);
      const end = held + to - from;
      POISON.copy(this.#slab, end);
      from = to;
      if (held > 0 && end < 2 * lookedAt && !endsHead(this.#slab, Math.max(0, lookedAt - LOOK_BACK_BYTES), end)) {
        held = end;
        continue;
      }
      held = this.#take(end);
      lookedAt = held;
    }
    // The end of the bytes: what waits is all there will be, and a fault in it shows.
    if (held > 0 && this.ending === 'more') this.#take(held);
    if (this.#isProbing && this.ending === 'more' && this.body.framing === 'chunked' && this.body.chunks.heldBytes > 0) this.#take(PROBE.copy(this.#slab));
  }

  /** Takes what it can of the slab up to `end`; what is left moves to its beginning. @returns how much is left. */
  #take(end: number): number {
    let at = 0;
    while (at < end && this.ending === 'more') {
      const before = at;
      at = this.#isInBody ? this.#takeBody(at, end) : this.#takeHead(at, end);
      if (at === before) break;
    }
    this.#slab.copyWithin(0, at, end);
    this.#base += at;
    return end - at;
  }

  #takeHead(at: number, end: number): number {
    const { request, response } = this;
    const isRequest = this.#input!.side === 'request';
    const head = isRequest ? request : response;
    const behind = isRequest ? request.parse(this.#slab, at, end, this.#limits) : response.parse(this.#slab, at, end, this.#limits);
    if (behind === 0) return at;
    if (behind < 0) {
      this.#fail(head.fault, head.faultDetail);
      return at;
    }
    if (behind <= at || behind > end) throw new Error(`the head that began at ${at} ended at ${behind} of ${end}`);
    const framing = isRequest ? requestFraming(request) : replyFraming(response, this.method);
    this.body.begin(framing, Math.max(0, head.contentLength), head.namedFields === 0);
    this.#asChunks = this.#sink!.onHead(this, this.#base + at, this.#base + behind);
    this.#isInBody = !this.body.isComplete;
    if (!this.#isInBody) this.#endMessage(behind);
    return behind;
  }

  #takeBody(at: number, end: number): number {
    const { body } = this;
    const bound = body.bound(end - at);
    if (this.#target.length < bound) this.#target = Buffer.alloc(bound * 2);
    const to = body.reframe(this.#slab, at, end, this.#target, 0, this.#asChunks);
    if (to > bound) throw new Error(`bound said ${bound}, reframe wrote ${to}`);
    this.#sink!.onBody(this.#target, 0, to);
    if (body.isBroken) {
      this.#fail(this.#input!.side === 'request' ? 'ERR_REQUEST_MALFORMED' : 'ERR_UPSTREAM_MALFORMED', body.chunks.faultDetail);
      return at;
    }
    if (body.isComplete) {
      this.#isInBody = false;
      this.#endMessage(body.at);
    } else if (body.at !== end) {
      throw new Error(`the body stopped at ${body.at} of ${end}, neither complete nor broken`);
    }
    return body.at;
  }

  #endMessage(at: number): void {
    this.#sink!.onEnd(this, this.#base + at);
    const { request, response } = this;
    const isRequest = this.#input!.side === 'request';
    if (!isRequest && response.status < 200 && response.status !== 101) return;
    if (isRequest ? request.upgrade || !request.keepAlive : response.status === 101 || !response.keepAlive) this.ending = 'last';
    this.#answered += 1;
    this.method = this.#input!.methods[this.#answered] ?? 'GET';
  }

  #fail(code: string, detail: string): void {
    this.ending = 'fault';
    this.code = code;
    this.detail = detail;
  }
}

/** As `Exchange.start`. */
function requestFraming(request: Http1RequestHead): BodyFraming {
  return request.chunked ? 'chunked' : request.contentLength > 0 ? 'length' : 'none';
}
/** As `replyFraming` of the data path: RFC 9112 §6.3. */
function replyFraming(response: Http1ResponseHead, method: string): BodyFraming {
  if (method === 'HEAD' || response.status < 200 || response.status === 204 || response.status === 304) return 'none';
  if (response.chunked) return 'chunked';
  return response.contentLength >= 0 ? 'length' : 'close';
}

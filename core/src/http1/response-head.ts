/** A response head: from bytes to offsets (RFC 9112 §4 and §5), and back to the bytes of the one that the client gets. */
import type { ErrorCode, ResponseHead } from '@steelyard/sdk';
import { EXPECT, FORWARDING, HOST, OTHER, UPGRADE } from './field-names.ts';
import { FIELDS_FAULT, FIELDS_MORE, FIELDS_TOO_MANY } from './field-table.ts';
import { MessageHead } from './fields.ts';
import { NO_LENGTH } from './framing.ts';
import { CR, LF, SP, VALUE, ZERO } from './grammar.ts';
import type { HeadLimits } from './limits.ts';
import { CHUNKED_LINE, UPGRADE_LINE, copyRun, writeCrlf, writeLength } from './write-bytes.ts';

/** What the caller decides about the outgoing message. */
export interface ResponseWire {
  /**
   * `length`: `contentLength` bytes follow (it must be there); `chunked`; `close`: until the connection ends;
   * `none`: no body follows (HEAD, 304, 204, 1xx), and a received Content-Length stays where it may.
   */
  readonly framing: 'length' | 'chunked' | 'close' | 'none';
  /** `upgrade`: `Connection: upgrade` and the received Upgrade field. */
  readonly connection: '' | 'close' | 'keep-alive' | 'upgrade';
}

const STATUS_LINE = Buffer.from('HTTP/1.');
const STATUS_AT = 9;
const REASON_AT = 12;
const MINOR_AT = 7;
const CLOSE_LINE = Buffer.from('Connection: close\r\n');
const KEEP_ALIVE_LINE = Buffer.from('Connection: keep-alive\r\n');
/** Framing and Connection lines, a space and the empty line, generously. */
const OWN_BYTES = 256;
/** Fields that go to the client whatever the exchange. These ids mean something to requests only. */
const PASSING = (1 << OTHER) | (1 << HOST) | (1 << EXPECT) | (1 << FORWARDING);

export class Http1ResponseHead extends MessageHead implements ResponseHead {
  #status = 0;
  /** 101 with an Upgrade field that may pass, and that Connection names (RFC 9110 §7.8): the connection changes its protocol. */
  upgrade = false;
  /** `HTTP/1.1 200` without the space that must follow: some servers write so, and it has one meaning. */
  #lacksSpace = false;

  /** 100 to 599. */
  get status(): number {
    return this.#status;
  }

  /**
   * Reads a response head, 1xx too, from [start, end).
   * @returns > 0: the position behind the head; 0: more bytes are needed, and nothing was kept; -1: a fault, in `fault`,
   * which is always ERR_UPSTREAM_MALFORMED.
   */
  parse(bytes: Buffer, start: number, end: number, limits: HeadLimits): number {
    this.begin();
    this.#status = 0;
    this.upgrade = false;
    this.#lacksSpace = false;

    const stop = Math.min(end, start + limits.maxHeadBytes);
    let met = this.#parseWithin(bytes, start, stop, limits);
    if (met === 0 && end - start >= limits.maxHeadBytes) met = this.#malformed(`the head is over ${limits.maxHeadBytes} bytes`);
    // Nothing half read may be looked at: the copy is still that of an earlier head.
    if (met <= 0) this.table.count = 0;
    return met;
  }

  #parseWithin(bytes: Buffer, start: number, stop: number, limits: HeadLimits): number {
    const at = this.#parseStatusLine(bytes, start, stop);
    if (at <= 0) return at;
    const met = this.table.scan(bytes, start, at, stop, limits.maxHeaders);
    if (!this.judgeFields(bytes, start)) return -1;
    if (met === FIELDS_MORE) return 0;
    if (met === FIELDS_FAULT) return this.#malformed(this.table.detail);
    if (met === FIELDS_TOO_MANY) return this.#malformed(`the head has more than ${limits.maxHeaders} fields`);
    return this.#conclude(bytes, start);
  }

  protected override judge(id: number, _field: number, bytes: Buffer, start: number, end: number): boolean {
    return this.judgeCommon(id, bytes, start, end);
  }

  #parseStatusLine(bytes: Buffer, start: number, stop: number): number {
    for (let i = 0; i < REASON_AT; i++) {
      if (start + i >= stop) return 0;
      if (!isExpected(i, bytes[start + i]!)) return this.#malformed('a status line that does not begin with HTTP/1.1 and a status from 100 to 599');
    }
    let at = start + REASON_AT;
    if (at >= stop) return 0;
    this.#lacksSpace = bytes[at] === CR;
    if (!this.#lacksSpace && bytes[at] !== SP) return this.#malformed('a status that is not three digits');
    while (at < stop && VALUE[bytes[at]!] !== 0) at++;
    if (at >= stop || (bytes[at] === CR && at + 1 >= stop)) return 0;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#malformed('a control character in the status line');
    const code = start + STATUS_AT;
    this.#status = (bytes[code]! - ZERO) * 100 + (bytes[code + 1]! - ZERO) * 10 + (bytes[code + 2]! - ZERO);
    this.isHttp10 = bytes[start + MINOR_AT] === ZERO;
    return at + 2;
  }

  #conclude(bytes: Buffer, start: number): number {
    // RFC 9110 §8.6, RFC 9112 §6.1: these have no body, and saying otherwise is how a backend and its proxy fall out of step.
    if (this.chunked && (this.status < 200 || this.status === 204)) return this.#malformed(`Transfer-Encoding in a ${this.status}`);
    if (this.contentLength !== NO_LENGTH && this.status < 200) return this.#malformed(`Content-Length in a ${this.status}`);
    // Common enough with 204 to be borne; it must not go on.
    if (this.status === 204) this.contentLength = NO_LENGTH;
    this.concludeConnection(bytes, start);
    this.upgrade = this.status === 101 && !this.isHttp10 && this.wantsUpgrade && this.hasPassableUpgrade;
    const end = start + this.table.linesEnd + 2;
    this.take(bytes, start, end);
    return end;
  }

  /** Whatever is wrong with a response has one code. */
  protected override fail(_code: ErrorCode, detail: string): -1 {
    return super.fail('ERR_UPSTREAM_MALFORMED', detail);
  }
  #malformed(detail: string): -1 {
    return super.fail('ERR_UPSTREAM_MALFORMED', detail);
  }

  /** Upper bound of the bytes that `write` produces. */
  wireBound(_wire: ResponseWire): number {
    return this.table.linesEnd + this.edits.bound + OWN_BYTES;
  }

  /** Writes the outgoing head, always HTTP/1.1, at `at`; returns the position behind it. */
  write(out: Buffer, at: number, wire: ResponseWire): number {
    const versionAt = at;
    let from = 0;
    if (this.#lacksSpace) {
      at = copyRun(this.raw, 0, REASON_AT, out, at);
      out[at++] = SP;
      from = REASON_AT;
    }
    at = this.writeLines(out, at, from, wire.connection === 'upgrade' ? PASSING | (1 << UPGRADE) : PASSING);
    out[versionAt + MINOR_AT] = ZERO + 1;
    if (this.edits.count > 0) at = this.edits.write(out, at, OTHER);

    if (wire.framing === 'chunked') at = copyRun(CHUNKED_LINE, 0, CHUNKED_LINE.length, out, at);
    else if (wire.framing !== 'close' && this.contentLength >= 0) at = writeLength(this.contentLength, out, at);
    if (wire.connection === 'close') at = copyRun(CLOSE_LINE, 0, CLOSE_LINE.length, out, at);
    else if (wire.connection === 'keep-alive') at = copyRun(KEEP_ALIVE_LINE, 0, KEEP_ALIVE_LINE.length, out, at);
    else if (wire.connection === 'upgrade') at = copyRun(UPGRADE_LINE, 0, UPGRADE_LINE.length, out, at);
    return writeCrlf(out, at);
  }
}

/** `HTTP/1.` 0 or 1, a space, a status from 100 to 599. */
function isExpected(place: number, byte: number): boolean {
  if (place < STATUS_LINE.length) return byte === STATUS_LINE[place];
  if (place === MINOR_AT) return byte === ZERO || byte === ZERO + 1;
  if (place === MINOR_AT + 1) return byte === SP;
  if (place === STATUS_AT) return byte >= ZERO + 1 && byte <= ZERO + 5;
  return byte >= ZERO && byte <= ZERO + 9;
}

/** A request head: from bytes to offsets (RFC 9112 §3 and §5), and back to the bytes of the outgoing one. */
import type { RequestHead } from '@steelyard/sdk';
import { askedName } from './asked-names.ts';
import { refuseEdit } from './edits.ts';
import { EXPECT, FORWARDING, HOST, OTHER, UPGRADE } from './field-names.ts';
import { FIELDS_FAULT, FIELDS_MORE, FIELDS_TOO_MANY } from './field-table.ts';
import { MessageHead } from './fields.ts';
import { ZERO, equalsIgnoringCase } from './grammar.ts';
import { TARGET_BYTES } from '../limits.ts';
import type { HeadLimits } from './limits.ts';
import { HEAD, OTHER_METHOD, isIdempotentMethod, methodName } from './methods.ts';
import { RequestLine } from './request-line.ts';
import { isAuthority, mayHaveDotSegments, normalisePath, pathOf } from './target.ts';
import { CHUNKED_LINE, UPGRADE_LINE, copyRun, writeCrlf, writeLength, writeText } from './write-bytes.ts';

export { endsHead } from './field-table.ts';

/** How the outgoing head differs from the received one, beside what the edits say. */
export interface RequestWire {
  /** A whole line `Host: …` with its CRLF, in place of the received one. `undefined` = the received host, or the authority of an absolute-form target. */
  readonly hostLine: Buffer | undefined;
  /** Ready lines of our own, each ended by CRLF; may be empty. */
  readonly extra: Buffer;
  /** Received `X-Forwarded-*` and `Forwarded` fields are left out. What plugins write under these names goes. */
  readonly dropForwarding: boolean;
  /** Adds `X-Forwarded-Host` with the received host, if there was one and no plugin edited that field. */
  readonly forwardedHost: boolean;
}

const VERSION_END = Buffer.from(' HTTP/1.1\r\n');
/** From the end of the request line back to the minor version. */
const MINOR_BEFORE_END = 3;
const HOST_FIELD = askedName('Host');
const HOST_NAME = HOST_FIELD.prefix;
const FORWARDED_HOST_FIELD = askedName('X-Forwarded-Host');
const FORWARDED_HOST_NAME = FORWARDED_HOST_FIELD.prefix;
/** All that write adds of its own beside hosts and edits: version, names, framing and Connection lines, empty line. Generous. */
const OWN_BYTES = 256;

export class Http1RequestHead extends MessageHead implements RequestHead {
  /** The connection is to change its protocol: named by Connection, in HTTP/1.1, not to HTTP/2, without a body. Else Upgrade is dropped. */
  upgrade = false;
  /** `Expect: 100-continue` in HTTP/1.1. */
  expectContinue = false;

  readonly #line = new RequestLine();
  /** The received Host; -1 = there is none. */
  #hostField = -1;
  #method: string | undefined;
  #target: string | undefined;
  #path: string | undefined;
  #host: string | undefined;

  // ---- look-ups ----

  get method(): string {
    if (this.#line.methodId !== OTHER_METHOD) return methodName(this.#line.methodId);
    return (this.#method ??= this.raw.toString('latin1', 0, this.#line.methodEnd));
  }
  get target(): string {
    return (this.#target ??= this.edits.target() ?? this.#line.targetPrefix + this.raw.toString('latin1', this.#line.targetStart, this.#line.targetEnd));
  }
  get path(): string {
    return (this.#path ??= normalisePath(pathOf(this.target)));
  }
  /** False: no dot segment can stand in it, plain or encoded. */
  get mayHaveDotSegments(): boolean {
    return this.edits.target() !== undefined || mayHaveDotSegments(this.raw, this.#line.targetStart, this.#line.targetEnd);
  }
  get query(): string {
    const mark = this.target.indexOf('?');
    return mark < 0 ? '' : this.target.slice(mark + 1);
  }
  get host(): string {
    return (this.#host ??= (this.edits.lastValue(HOST_FIELD) ?? this.raw.toString('latin1', this.#hostStart(), this.#hostEnd())).toLowerCase());
  }
  /** As `host === ''`, without making a string. */
  get lacksHost(): boolean {
    // What a plugin writes there is never empty.
    return this.#hostStart() === this.#hostEnd() && this.edits.lastValue(HOST_FIELD) === undefined;
  }
  /** Of a head that is too large: which limit it has met. */
  get limitMet(): number {
    return this.fault === 'ERR_REQUEST_TARGET_SIZE' ? TARGET_BYTES : this.table.limitMet;
  }
  get version(): '1.0' | '1.1' {
    return this.isHttp10 ? '1.0' : '1.1';
  }
  get isHead(): boolean {
    return this.#line.methodId === HEAD;
  }
  /** RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE. */
  get isIdempotent(): boolean {
    return isIdempotentMethod(this.#line.methodId);
  }
  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** The received host; an empty range when there is none. */
  #hostStart(): number {
    return this.#hostField >= 0 ? this.table.valueStart(this.#hostField) : Math.max(this.#line.authorityStart, 0);
  }
  #hostEnd(): number {
    return this.#hostField >= 0 ? this.table.valueEnd(this.#hostField) : Math.max(this.#line.authorityEnd, 0);
  }

  // ---- edits ----

  set isLocked(isLocked: boolean) {
    this.edits.isLocked = isLocked;
  }
  setTarget(target: string): void {
    this.edits.setTarget(target);
    this.#forgetStrings();
  }
  override setHeader(name: string, value: string): void {
    if (this.edits.set(name, value).id === HOST) this.#checkHost(value);
  }
  override appendHeader(name: string, value: string): void {
    if (this.edits.append(name, value).id === HOST) this.#refuseHost('a request has one Host field');
  }
  override removeHeader(name: string): void {
    if (this.edits.remove(name).id === HOST) this.#refuseHost('a request must have a Host field');
  }
  #checkHost(value: string): void {
    this.#forgetStrings();
    const written = Buffer.from(this.edits.lastValue(HOST_FIELD) ?? '', 'latin1');
    if (isAuthority(written, 0, written.length)) return;
    this.rollback(this.mark() - 1);
    refuseEdit(`${JSON.stringify(value)} is no host`, 'give a name or an address, and perhaps a port: api.example.org:8080');
  }
  #refuseHost(why: string): never {
    this.rollback(this.mark() - 1);
    refuseEdit(why, 'replace it by setHeader');
  }
  override rollback(mark: number): void {
    if (this.edits.count === mark) return;
    this.edits.rollback(mark);
    this.#forgetStrings();
  }
  #forgetStrings(): void {
    this.#target = undefined;
    this.#path = undefined;
    this.#host = undefined;
  }

  /**
   * Reads a request head from [start, end).
   * @returns > 0: the position behind the head; 0: more bytes are needed, and nothing was kept; -1: a fault, in `fault`.
   */
  parse(bytes: Buffer, start: number, end: number, limits: HeadLimits): number {
    this.begin();
    this.upgrade = false;
    this.expectContinue = false;
    this.#line.reset();
    this.#hostField = -1;
    this.#method = undefined;
    this.#forgetStrings();

    const stop = Math.min(end, start + limits.maxHeadBytes);
    let met = this.#parseWithin(bytes, start, stop, limits);
    // Cut off at the limit, and still not at its end: more bytes would not help.
    if (met === 0 && end - start >= limits.maxHeadBytes) met = this.fail(this.#line.sizeFault(), `the head is over ${limits.maxHeadBytes} bytes`);
    if (met <= 0) this.#forgetFields(met === 0 ? undefined : bytes);
    return met;
  }

  #parseWithin(bytes: Buffer, start: number, stop: number, limits: HeadLimits): number {
    const line = this.#line;
    const at = line.parse(bytes, start, stop, limits);
    if (at === 0) return 0;
    if (at < 0) return this.fail(line.fault, line.detail);
    this.isHttp10 = line.isHttp10;

    const met = this.table.scan(bytes, line.base, at, stop, limits.maxHeaders);
    if (!this.judgeFields(bytes, line.base)) return -1;
    if (met === FIELDS_MORE) return 0;
    if (met === FIELDS_FAULT) return this.fail('ERR_REQUEST_MALFORMED', this.table.detail);
    if (met === FIELDS_TOO_MANY) return this.fail('ERR_REQUEST_HEAD_SIZE', `the head has more than ${limits.maxHeaders} fields`);
    if (this.table.isLineOver(limits.maxHeaderLineBytes ?? limits.maxHeadBytes)) return this.fail('ERR_REQUEST_HEAD_SIZE', this.table.detail);
    return this.#conclude(bytes);
  }

  protected override judge(id: number, field: number, bytes: Buffer, start: number, end: number): boolean {
    if (id === HOST) return this.#judgeHost(field, bytes, start, end);
    if (id === EXPECT) return this.#judgeExpect(bytes, start, end);
    return this.judgeCommon(id, bytes, start, end);
  }

  /** RFC 9112 §3.2: one Host, and the same as an absolute-form target says. */
  #judgeHost(field: number, bytes: Buffer, start: number, end: number): boolean {
    let detail = '';
    if (this.#hostField >= 0) detail = 'two Host fields';
    else if (!isAuthority(bytes, start, end)) detail = 'a Host that is no host';
    else if (this.#line.isOtherHost(bytes, start, end)) detail = 'a Host other than that of the target';
    this.#hostField = field;
    if (detail !== '') this.fail('ERR_REQUEST_MALFORMED', detail);
    return detail === '';
  }

  /** RFC 9110 §10.1.1. Two fields are a list, and a list is something else than 100-continue. */
  #judgeExpect(bytes: Buffer, start: number, end: number): boolean {
    if (this.isHttp10) return true;
    const isFirst = !this.expectContinue;
    this.expectContinue = true;
    if (isFirst && equalsIgnoringCase(bytes, start, end, '100-continue')) return true;
    this.fail('ERR_REQUEST_EXPECT', 'an expectation other than 100-continue');
    return false;
  }

  #conclude(bytes: Buffer): number {
    const base = this.#line.base;
    if (this.#hostField < 0 && !this.isHttp10) return this.fail('ERR_REQUEST_MALFORMED', 'no Host field');
    this.concludeConnection(bytes, base);
    this.upgrade = this.wantsUpgrade && this.hasPassableUpgrade && !this.isHttp10 && !this.hasBody;
    const end = base + this.table.linesEnd + 2;
    this.take(bytes, base, end);
    return end;
  }

  /**
   * Nothing half read may be looked at: the copy is still that of an earlier head. Of a refused request (then `bytes` are given)
   * the log may have method and target, when it came so far.
   */
  #forgetFields(bytes: Buffer | undefined): void {
    const line = this.#line;
    this.table.count = 0;
    this.#hostField = -1;
    if (bytes !== undefined && line.end > 0) this.take(bytes, line.base, line.base + line.end);
    else line.reset();
  }

  // ---- writing ----

  /** Upper bound of the bytes that `write` produces. */
  wireBound(wire: RequestWire): number {
    const hosts = (this.#hostEnd() - this.#hostStart()) * 2;
    return this.table.linesEnd + hosts + this.edits.bound + (wire.hostLine?.length ?? 0) + wire.extra.length + OWN_BYTES;
  }

  /** Writes the outgoing head, always HTTP/1.1, at `at`; returns the position behind it. May be called again for a retry. */
  write(out: Buffer, at: number, wire: RequestWire): number {
    const { edits } = this;
    const passing =
      (1 << OTHER) | (wire.dropForwarding ? 0 : 1 << FORWARDING) | (this.upgrade ? 1 << UPGRADE : 0) | (this.expectContinue ? 1 << EXPECT : 0);
    const isHostKept = wire.hostLine === undefined && (edits.count === 0 || edits.lastValue(HOST_FIELD) === undefined);
    if (isHostKept && this.#hostField === 0 && this.#isLineKept()) {
      // Most requests: request line, Host and what follows it are one run.
      const lineAt = at;
      at = this.writeLines(out, at, 0, passing | (1 << HOST));
      out[lineAt + this.#line.end - MINOR_BEFORE_END] = ZERO + 1;
    } else {
      at = this.#writeHost(out, this.#writeRequestLine(out, at), wire);
      at = this.writeLines(out, at, this.#line.end, passing);
    }
    if (edits.count > 0) at = edits.write(out, at, HOST);

    if (this.chunked) at = copyRun(CHUNKED_LINE, 0, CHUNKED_LINE.length, out, at);
    else if (this.contentLength >= 0) at = writeLength(this.contentLength, out, at);
    if (this.upgrade) at = copyRun(UPGRADE_LINE, 0, UPGRADE_LINE.length, out, at);
    if (wire.forwardedHost && this.#hostEnd() > 0 && !(edits.count > 0 && edits.touches(FORWARDED_HOST_FIELD))) {
      at = copyRun(FORWARDED_HOST_NAME, 0, FORWARDED_HOST_NAME.length, out, at);
      at = writeCrlf(out, copyRun(this.raw, this.#hostStart(), this.#hostEnd(), out, at));
    }
    at = copyRun(wire.extra, 0, wire.extra.length, out, at);
    return writeCrlf(out, at);
  }

  /** Whether the request line goes as it came, but for the minor version. */
  #isLineKept(): boolean {
    return this.#line.authorityStart < 0 && (this.edits.count === 0 || this.edits.target() === undefined);
  }

  #writeRequestLine(out: Buffer, at: number): number {
    const line = this.#line;
    if (this.#isLineKept()) {
      at = copyRun(this.raw, 0, line.end, out, at);
      out[at - MINOR_BEFORE_END] = ZERO + 1;
      return at;
    }
    at = copyRun(this.raw, 0, line.methodEnd + 1, out, at);
    const edited = this.edits.target();
    if (edited === undefined) at = copyRun(this.raw, line.targetStart, line.targetEnd, out, writeText(line.targetPrefix, out, at));
    else at = writeText(edited, out, at);
    return copyRun(VERSION_END, 0, VERSION_END.length, out, at);
  }

  #writeHost(out: Buffer, at: number, wire: RequestWire): number {
    const edited = this.edits.lastValue(HOST_FIELD);
    if (edited !== undefined) return writeCrlf(out, writeText(edited, out, copyRun(HOST_NAME, 0, HOST_NAME.length, out, at)));
    if (wire.hostLine !== undefined) return copyRun(wire.hostLine, 0, wire.hostLine.length, out, at);
    if (this.#hostField >= 0) return copyRun(this.raw, this.table.lineStart(this.#hostField), this.table.lineEnd(this.#hostField), out, at);
    // HTTP/1.0 without Host: from an absolute-form target, or none (then the caller gives a host line).
    if (this.#hostEnd() === 0) return at;
    at = copyRun(HOST_NAME, 0, HOST_NAME.length, out, at);
    return writeCrlf(out, copyRun(this.raw, this.#hostStart(), this.#hostEnd(), out, at));
  }
}

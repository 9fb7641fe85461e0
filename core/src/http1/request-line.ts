/** The request line (RFC 9112 §3) as offsets, byte by byte in order: a fault shows as soon as its byte is there. */
import type { ErrorCode } from '@steelyard/sdk';
import { CR, LF, SLASH, SP, TARGET, TOKEN, ZERO, equalsIgnoringCase, isSameIgnoringCase } from './grammar.ts';
import type { HeadLimits } from './limits.ts';
import { CONNECT, OPTIONS, OTHER_METHOD, methodOf } from './methods.ts';
import { isAuthority } from './target.ts';

/** A longer method is nobody's: the longest of the registry has 17 bytes. */
const MAX_METHOD_BYTES = 32;
/** RFC 9112 §2.2 wants one empty line before a request line to be skipped; some clients send two. */
const MAX_EMPTY_LINES = 2;
/** `d` stands for a digit. */
const VERSION = Buffer.from('HTTP/d.d\r\n');
const DIGIT = 0x64;
const MAJOR_AT = 5;
const MINOR_AT = 7;
const ASTERISK = 0x2a;
const QUESTION = 0x3f;

export class RequestLine {
  fault: ErrorCode = 'ERR_REQUEST_MALFORMED';
  detail = '';
  /** Where the line begins in the bytes, behind empty lines. The offsets below count from it. */
  base = 0;
  methodId = OTHER_METHOD;
  methodEnd = 0;
  /** Path and query, without the scheme and authority of an absolute-form target. */
  targetStart = 0;
  targetEnd = 0;
  /** What an absolute-form target without a path lacks before it: `/`, or `*` for OPTIONS (RFC 9112 §3.2.4). */
  targetPrefix: '' | '/' | '*' = '';
  /** Of an absolute-form target; -1 = it has another form. */
  authorityStart = -1;
  authorityEnd = -1;
  isHttp10 = false;
  /** Behind the line's CRLF; 0 = the parse did not come so far. */
  end = 0;

  reset(): void {
    this.methodId = OTHER_METHOD;
    this.methodEnd = 0;
    this.targetStart = 0;
    this.targetEnd = 0;
    this.targetPrefix = '';
    this.authorityStart = -1;
    this.authorityEnd = -1;
    this.isHttp10 = false;
    this.end = 0;
  }

  /** Whether the bytes, those of a Host, contradict an absolute-form target. */
  isOtherHost(bytes: Buffer, start: number, end: number): boolean {
    if (this.authorityStart < 0) return false;
    const size = this.authorityEnd - this.authorityStart;
    return end - start !== size || !isSameIgnoringCase(bytes, start, this.base + this.authorityStart, size);
  }

  /** @returns the position behind the line, 0 = more bytes needed, -1 = a fault. */
  parse(bytes: Buffer, start: number, stop: number, limits: HeadLimits): number {
    let at = start;
    for (let lines = 0; at < stop && bytes[at] === CR; lines++) {
      if (lines === MAX_EMPTY_LINES) return this.#malformed('empty lines before the request line');
      if (at + 1 >= stop) return 0;
      if (bytes[at + 1] !== LF) return this.#malformed('a bare CR before the request line');
      at += 2;
    }
    this.base = at;
    at = this.#parseMethod(bytes, at, stop);
    if (at > 0) at = this.#parseTarget(bytes, at, stop, limits.maxTargetBytes);
    if (at > 0) at = this.#parseVersion(bytes, at, stop);
    if (at > 0) this.end = at - this.base;
    return at;
  }

  /** What a head that is cut off at its limit has too much of: a request line that does not end is all target. */
  sizeFault(): ErrorCode {
    return this.methodEnd > 0 && this.end === 0 ? 'ERR_REQUEST_TARGET_SIZE' : 'ERR_REQUEST_HEAD_SIZE';
  }

  #parseMethod(bytes: Buffer, start: number, stop: number): number {
    const limit = Math.min(stop, start + MAX_METHOD_BYTES + 1);
    let at = start;
    while (at < limit && TOKEN[bytes[at]!] !== 0) at++;
    if (at - start > MAX_METHOD_BYTES) return this.#malformed(`a method longer than ${MAX_METHOD_BYTES} bytes`);
    if (at >= stop) return 0;
    if (bytes[at] !== SP || at === start) return this.#malformed('a request line that does not begin with a method and a space');
    this.methodId = methodOf(bytes, start, at);
    this.methodEnd = at - start;
    if (this.methodId !== CONNECT) return at + 1;
    this.fault = 'ERR_REQUEST_METHOD';
    this.detail = 'CONNECT: this is no forward proxy';
    return -1;
  }

  #parseTarget(bytes: Buffer, start: number, stop: number, maxBytes: number): number {
    const limit = Math.min(stop, start + maxBytes + 1);
    let at = start;
    while (at < limit && TARGET[bytes[at]!] !== 0) at++;
    if (at - start > maxBytes) {
      this.fault = 'ERR_REQUEST_TARGET_SIZE';
      this.detail = `the target is over ${maxBytes} bytes`;
      return -1;
    }
    if (at >= stop) return 0;
    if (bytes[at] !== SP) return this.#malformed('a byte in the target that must not be there, or no version behind it');
    this.targetStart = start - this.base;
    this.targetEnd = at - this.base;
    if (bytes[start] === SLASH) return at + 1;
    if (bytes[start] === ASTERISK && at === start + 1) {
      return this.methodId === OPTIONS ? at + 1 : this.#malformed('the target * with a method other than OPTIONS');
    }
    return this.#splitAbsolute(bytes, start, at) ? at + 1 : this.#malformed('a target that is neither a path nor an http URI');
  }

  /** RFC 9112 §3.2.2: `http://authority/path?query`, of which the origin is sent only what follows the authority. */
  #splitAbsolute(bytes: Buffer, start: number, end: number): boolean {
    let authority = start;
    if (equalsIgnoringCase(bytes, start, Math.min(start + 7, end), 'http://')) authority += 7;
    else if (equalsIgnoringCase(bytes, start, Math.min(start + 8, end), 'https://')) authority += 8;
    else return false;
    let authorityEnd = authority;
    while (authorityEnd < end && bytes[authorityEnd] !== SLASH && bytes[authorityEnd] !== QUESTION) authorityEnd++;
    // `user@` is no authority here: RFC 9110 §4.2.4 calls it an error to be treated as one.
    if (!isAuthority(bytes, authority, authorityEnd)) return false;
    this.authorityStart = authority - this.base;
    this.authorityEnd = authorityEnd - this.base;
    this.targetStart = this.authorityEnd;
    if (bytes[authorityEnd] !== SLASH) this.targetPrefix = authorityEnd === end && this.methodId === OPTIONS ? '*' : '/';
    return true;
  }

  #parseVersion(bytes: Buffer, start: number, stop: number): number {
    for (let i = 0; i < VERSION.length; i++) {
      if (start + i >= stop) return 0;
      const byte = bytes[start + i]!;
      const wanted = VERSION[i]!;
      if (byte === wanted && wanted !== DIGIT) continue;
      if (wanted !== DIGIT || byte < ZERO || byte > ZERO + 9) return this.#malformed('a request line that does not end with HTTP/1.1 and CRLF');
    }
    const minor = bytes[start + MINOR_AT]! - ZERO;
    this.isHttp10 = minor === 0;
    if (bytes[start + MAJOR_AT] === ZERO + 1 && minor <= 1) return start + VERSION.length;
    this.fault = 'ERR_REQUEST_VERSION';
    this.detail = 'an HTTP version other than 1.0 and 1.1';
    return -1;
  }

  #malformed(detail: string): -1 {
    this.fault = 'ERR_REQUEST_MALFORMED';
    this.detail = detail;
    return -1;
  }
}

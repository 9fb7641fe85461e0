/** The field values that say how long a message is and what becomes of its connection: RFC 9112 §6 and §9, read strictly. */
import { COMMA, HTAB, SP, TOKEN, ZERO, equalsIgnoringCase } from './grammar.ts';

/** Not a length. */
export const NO_LENGTH = -1;

/** `Content-Length` (RFC 9110 §8.6): digits alone, up to 2^53 - 1. A list or a sign is no length: two readers may read it in two ways. */
export function readLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return NO_LENGTH;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NO_LENGTH;
    length = length * 10 + digit;
    if (length > Number.MAX_SAFE_INTEGER) return NO_LENGTH;
  }
  return length;
}

export const CODING_CHUNKED = 0;
/** A well-formed list that names something else than chunked alone. */
const CODING_OTHER = 1;
export const CODING_MALFORMED = 2;

/** What the value of the one `Transfer-Encoding` field asks for (RFC 9112 §6.1). */
export function readCoding(bytes: Uint8Array, start: number, end: number): number {
  if (equalsIgnoringCase(bytes, start, end, 'chunked')) return CODING_CHUNKED;
  let chunked = 0;
  let at = start;
  for (;;) {
    const tokenEnd = endOfToken(bytes, at, end);
    if (tokenEnd === at) return CODING_MALFORMED;
    if (equalsIgnoringCase(bytes, at, tokenEnd, 'chunked')) chunked += 1;
    at = endOfSpace(bytes, tokenEnd, end);
    if (at === end) return chunked > 1 ? CODING_MALFORMED : CODING_OTHER;
    if (bytes[at] !== COMMA) return CODING_MALFORMED;
    at = endOfSpace(bytes, at + 1, end);
  }
}

/** Where the list of RFC 9110 §5.6.1 has its next element; empty elements are skipped. `end` = no more. */
export function nextElement(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === COMMA || bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}
export function endOfToken(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[bytes[at]!] !== 0) at++;
  return at;
}
function endOfSpace(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}
/** Whether a list element ends here: at the end, or with a comma behind white space. */
export function isElementEnd(bytes: Uint8Array, tokenEnd: number, end: number): boolean {
  const at = endOfSpace(bytes, tokenEnd, end);
  return at === end || bytes[at] === COMMA;
}

/**
 * Whether an `Upgrade` value may be passed on: a list of `token` or `token/token` of which none is HTTP itself, or leads to it. HTTP/2 by
 * upgrade would hide its requests from us behind the 101 (h2c smuggling), and RFC 9113 has withdrawn it. TLS by upgrade (RFC 2817) would
 * hide HTTP/1.1 in the same way.
 */
export function isPassableUpgrade(bytes: Uint8Array, start: number, end: number): boolean {
  let at = nextElement(bytes, start, end);
  if (at === end) return false;
  while (at < end) {
    const nameEnd = endOfToken(bytes, at, end);
    if (nameEnd === at) return false;
    for (const http of ['h2c', 'h2', 'http', 'tls']) {
      if (equalsIgnoringCase(bytes, at, nameEnd, http)) return false;
    }
    let elementEnd = nameEnd;
    if (bytes[nameEnd] === 0x2f && nameEnd < end) {
      elementEnd = endOfToken(bytes, nameEnd + 1, end);
      if (elementEnd === nameEnd + 1) return false;
    }
    if (!isElementEnd(bytes, elementEnd, end)) return false;
    at = nextElement(bytes, elementEnd, end);
  }
  return true;
}

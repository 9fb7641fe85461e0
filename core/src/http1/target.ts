/** Paths as routes compare them, and the grammar of `Host`. */
import { isIPv6 } from 'node:net';
import { COLON, HEX, REG_NAME, ZERO, isUnreserved } from './grammar.ts';

const MAX_PORT = 65_535;
const PERCENT = 0x25;
const DOT = 0x2e;
const QUESTION = 0x3f;
/** Not behind a `%` that lacks digits: what is decoded there would complete it to a triplet that nobody sent (`%%32e` to `%2e`). */
const TRIPLET = /(?<!%[0-9a-f]?)%[0-9a-f]{2}/gi;

/** A target up to its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/**
 * A path in the normal form of RFC 3986 §6.2.2: unreserved characters decoded, the other triplets in capitals, dot segments
 * resolved. For matching routes: what is sent on stays as received, but for dot segments (`withoutDotSegments`). `%2F` stays a triplet, it is no separator (see `request/path-readings.ts`); a `%` that
 * begins no triplet stays as it is. Returns the same string when there is nothing to do.
 */
export function normalisePath(path: string): string {
  const decoded = path.includes('%') ? path.replace(TRIPLET, decodeUnreserved) : path;
  return decoded.includes('/.') ? resolveDotSegments(decoded) : decoded;
}

/**
 * The path as received, unless it has dot segments, plain or encoded: then its normal form. A route was chosen, and its plugins asked,
 * for the path without them; a backend that resolves or keeps them must not be led to another.
 */
export function withoutDotSegments(path: string): string {
  const decoded = path.includes('%') ? path.replace(TRIPLET, decodeUnreserved) : path;
  if (!decoded.includes('/.')) return path;
  const resolved = resolveDotSegments(decoded);
  return resolved === decoded ? path : resolved;
}

/** False: what `withoutDotSegments` would say of this target is certain without making a string of it, it stays as it is. */
export function mayHaveDotSegments(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end && bytes[at] !== QUESTION; at++) {
    if (bytes[at] === DOT || bytes[at] === PERCENT) return true;
  }
  return false;
}

function decodeUnreserved(triplet: string): string {
  const byte = Number.parseInt(triplet.slice(1), 16);
  return isUnreserved(byte) ? String.fromCharCode(byte) : triplet.toUpperCase();
}

/** RFC 3986 §5.2.4 for a path that begins with a slash. `/..` at the root goes nowhere. */
export function resolveDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    if (segment !== '.' && segment !== '..') {
      kept.push(segment);
      continue;
    }
    if (segment === '..') kept.pop();
    // A dot segment at the end names a folder: its slash stays.
    if (i === segments.length - 1) kept.push('');
  }
  return '/' + kept.join('/');
}

/**
 * Whether the bytes are `host` or `host:port` (RFC 9110 §4.2, RFC 3986 §3.2.2): a registered name or IPv4 address, or an IPv6
 * address in brackets; the host not empty, the port empty or 0 to 65,535. User information is none of it, nor is a zone id.
 */
export function isAuthority(bytes: Buffer, start: number, end: number): boolean {
  if (start >= end) return false;
  const hostEnd = bytes[start] === 0x5b ? endOfBracketed(bytes, start, end) : endOfName(bytes, start, end);
  if (hostEnd <= start) return false;
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end));
}

/** Where the name ends; `start` when it is none. */
function endOfName(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (REG_NAME[byte] !== 0) {
      at += 1;
    } else if (byte === PERCENT && at + 2 < end && HEX[bytes[at + 1]!] !== 0xff && HEX[bytes[at + 2]!] !== 0xff) {
      at += 3;
    } else {
      break;
    }
  }
  return at;
}

/** Behind the closing bracket; `start` when no IPv6 address is inside. Rare, so a string may be made. */
function endOfBracketed(bytes: Buffer, start: number, end: number): number {
  const close = bytes.indexOf(0x5d, start);
  if (close < 0 || close >= end) return start;
  const address = bytes.toString('latin1', start + 1, close);
  // `fe80::1%eth0` names an interface of the client's machine: RFC 3986 does not know it.
  return isIPv6(address) && !address.includes('%') ? close + 1 : start;
}

function isPort(bytes: Buffer, start: number, end: number): boolean {
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > MAX_PORT) return false;
  }
  return true;
}

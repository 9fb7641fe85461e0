/** A trailer section (RFC 9112 §7.1.2) made fit to be sent on: what a receiver may act on early does not come late. */
import type { EditJournal } from './edits.ts';
import { FIELDS_END, FieldTable } from './field-table.ts';
import { copyRun, writeCrlf } from './write-bytes.ts';

const MAX_TRAILERS = 64;
const NOTHING = Buffer.alloc(0);

/**
 * RFC 9110 §6.5.1 forbids what frames, routes, modifies the request, authenticates, controls caches or the response, or says
 * how to read the body. Hop-by-hop fields are left out by name; where Connection names others, no trailer goes on (RFC 9110 §7.6.1).
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  // framing and routing
  'content-length', 'transfer-encoding', 'trailer', 'host', 'max-forwards', 'forwarded', 'via',
  // hop-by-hop
  'connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'http2-settings',
  // request modifiers
  'expect', 'range', 'cache-control', 'pragma', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range',
  'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'prefer', 'from', 'referer', 'user-agent', 'origin', 'cookie', 'priority',
  // authentication
  'authorization', 'www-authenticate', 'authentication-info', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'set-cookie',
  // response control
  'age', 'date', 'expires', 'location', 'retry-after', 'vary', 'warning', 'allow', 'clear-site-data', 'strict-transport-security',
  'content-security-policy', 'alt-svc',
  // how to read the body
  'content-encoding', 'content-type', 'content-range', 'content-disposition', 'content-language', 'content-location',
]);
/** Families of which every member routes or allows something. */
const FORBIDDEN_PREFIXES = ['x-forwarded-', 'access-control-', 'sec-'];

const table = new FieldTable();
/** What was wrong when `parseTrailers` returned -1. */
export function trailerFault(): string {
  return table.detail === '' ? `more than ${MAX_TRAILERS} trailer fields` : table.detail;
}

/** Whether that was their number. */
export function hasTooManyTrailers(): boolean {
  return table.detail === '';
}

/** @returns the position behind the section's empty line, 0 = more bytes needed, -1 = a fault. `sectionTable` then holds the fields. */
export function parseTrailers(bytes: Buffer, end: number): number {
  table.detail = '';
  const met = table.scan(bytes, 0, 0, end, MAX_TRAILERS);
  if (met === FIELDS_END) return table.linesEnd + 2;
  return met === 0 ? 0 : -1;
}

/**
 * The lines of the section just parsed that may be sent on, each with its CRLF. What a plugin has written or removed in the head does not
 * come again behind the body: some backends merge trailers into the head.
 */
export function passableTrailers(bytes: Buffer, edits: EditJournal | undefined): Buffer {
  const lines = Buffer.allocUnsafe(table.linesEnd);
  let size = 0;
  for (let field = 0; field < table.count; field++) {
    const name = bytes.toString('latin1', table.lineStart(field), table.nameEnd(field)).toLowerCase().replaceAll('_', '-');
    if (FORBIDDEN.has(name) || FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    if (edits?.hides(table, field, bytes)) continue;
    size = copyRun(bytes, table.lineStart(field), table.lineEnd(field), lines, size);
  }
  return size === 0 ? NOTHING : lines.subarray(0, size);
}

/** Of lines that `passableTrailers` gave before the head was edited, those that may still go on. */
export function unedited(lines: Buffer, edits: EditJournal): Buffer {
  if (lines.length === 0 || edits.count === 0) return lines;
  const section = Buffer.allocUnsafe(lines.length + 2);
  parseTrailers(section, writeCrlf(section, copyRun(lines, 0, lines.length, section, 0)));
  return passableTrailers(section, edits);
}

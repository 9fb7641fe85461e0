/**
 * Where we and llhttp differ on purpose: each with its reason and the section that gives it. What is not here is a difference that
 * fails a run. A cause is looked for by other means than our parser's: a refusal that has none is a fault of ours.
 */
import { isIPv6 } from 'node:net';
import type { Message } from './meaning.ts';

export interface Allowance {
  name: string;
  /** What llhttp says. */
  error: RegExp;
  /** @param text the message as it came. */
  holds: (message: Message, text: string) => boolean;
}
/** What we accept and llhttp refuses. It goes on in a form that llhttp takes: the check of what is forwarded holds it to that. */
export const ALLOWANCES: readonly Allowance[] = [
  {
    name: 'Content-Length twice with one value is one (RFC 9110 §8.6)', error: /^(Duplicate Content-Length|Content-Length already present)$/,
    holds: ({ fields }) => {
      const lengths = fields.filter(([name]) => /^content-length$/i.test(name)).map(([, value]) => Number(value));
      return lengths.length > 1 && new Set(lengths).size === 1;
    },
  },
  {
    name: 'framing among the trailers is left out (RFC 9112 §7.1.2)', error: /Content-Length|Transfer-Encoding/,
    holds: ({ fields }, text) => /\r\n(content-length|transfer-encoding):/i.test(text.slice(text.indexOf('\r\n\r\n') + 2)) && fields.some(([name, value]) => /^transfer-encoding$/i.test(name) && /^chunked$/i.test(value)),
  },
];

export interface Refusal {
  name: string;
  /** Our sentence for the log. */
  detail: RegExp;
  /** Whether the refused bytes, from the first one of the message, show the cause. */
  holds: (text: string) => boolean;
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const OPTIONS = new RegExp(`^[ \\t,]*(?:${TOKEN}[ \\t]*(?:,[ \\t,]*${TOKEN}[ \\t]*)*)?[ \\t,]*$`);
const EXTENSIONS = new RegExp(`^[0-9A-Fa-f]+(?:;${TOKEN}(?:=(?:${TOKEN}|"(?:[\\t !#-[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"))?)*$`);
const CODINGS = new RegExp(`^${TOKEN}(?:[ \\t]*,[ \\t]*${TOKEN})*$`);
const REQUEST_LINE = new RegExp(`^(?:\\r\\n){0,2}(${TOKEN}) ([!-"$-~]*)(.*?)(?:\\r\\n|$)`, 's');
const AUTHORITY = /^(?:\[(?<address>[^\]]*)\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::(?<port>[0-9]*))?$/;

/** What we refuse and llhttp accepts. */
export const REFUSALS: readonly Refusal[] = [
  // The request line.
  { name: 'more than two empty lines before it (RFC 9112 §2.2)', detail: /^empty lines before/, holds: (text) => text.startsWith('\r\n\r\n\r') },
  { name: 'a CR or LF alone before it (RFC 9112 §2.2)', detail: /^(a bare CR before|a request line that does not begin)/, holds: (text) => /^(\r\n){0,2}(\n|\r[^\n])/.test(text) },
  { name: 'CONNECT (RFC 9110 §9.3.6: no forward proxy)', detail: /^CONNECT/, holds: (text) => /^(\r\n){0,2}CONNECT /.test(text) },
  { name: 'a target of over 8,192 bytes (RFC 9112 §3)', detail: /^the target is over/, holds: (text) => /^(\r\n){0,2}\S+ \S{8193}/.test(text) },
  { name: 'a target with bytes that no URI has, or cut off (RFC 9112 §3.2, RFC 3986 §2)', detail: /^a byte in the target/, holds: (text) => !(REQUEST_LINE.exec(text)?.[3] ?? '').startsWith(' ') },
  { name: '* with another method than OPTIONS (RFC 9112 §3.2.4)', detail: /^the target \*/, holds: (text) => /^(\r\n){0,2}(?!OPTIONS )\S+ \* /.test(text) },
  {
    name: 'a target that is neither a path nor an http URI (RFC 9112 §3.2)', detail: /^a target that is neither/,
    holds: (text) => {
      const target = REQUEST_LINE.exec(text)?.[2] ?? '';
      const absolute = /^https?:\/\/([^/?]*)/i.exec(target);
      return !target.startsWith('/') && (!absolute || !isAuthority(absolute[1]!));
    },
  },
  { name: 'a request line with other than one space in its two places (RFC 9112 §3)', detail: /^a request line that does not end/, holds: (text) => !/^(\r\n){0,2}\S+ \S+ HTTP\/[0-9]\.[0-9]\r\n/.test(text) },
  { name: 'another version than 1.0 and 1.1 (RFC 9112 §2.3)', detail: /^an HTTP version/, holds: (text) => / HTTP\/(?!1\.[01]\r\n)[0-9]\.[0-9]\r\n/.test(text) },
  // Any field.
  { name: 'more than 100 fields (RFC 9110 §5.4)', detail: /^the head has more than/, holds: (text) => headOf(text).split('\r\n').length > 101 },
  { name: 'a head of over 32,768 bytes (RFC 9110 §5.4)', detail: /^the head is over/, holds: (text) => text.length >= 32_768 && headOf(text).length > 32_764 },
  // Fields that frame or route.
  { name: 'no Host (RFC 9112 §3.2)', detail: /^no Host/, holds: (text) => valuesOf(text, 'host').length === 0 },
  { name: 'two Hosts (RFC 9112 §3.2)', detail: /^two Host/, holds: (text) => valuesOf(text, 'host').length > 1 },
  { name: 'a Host that is none (RFC 9112 §3.2)', detail: /^a Host that is no/, holds: (text) => valuesOf(text, 'host').some((value) => !isAuthority(value)) },
  {
    name: 'a Host other than that of the target (RFC 9112 §3.2.2)', detail: /^a Host other/,
    holds: (text) => {
      const named = /^https?:\/\/([^/?]*)/i.exec(REQUEST_LINE.exec(text)?.[2] ?? '')?.[1];
      return named !== undefined && valuesOf(text, 'host').some((value) => value.toLowerCase() !== named.toLowerCase());
    },
  },
  { name: 'an expectation that nobody knows (RFC 9110 §10.1.1)', detail: /^an expectation/, holds: (text) => valuesOf(text, 'expect').length > 1 || valuesOf(text, 'expect').some((value) => !/^100-continue$/i.test(value)) },
  { name: 'Connection that is no list (RFC 9110 §7.6.1)', detail: /^a Connection field/, holds: (text) => valuesOf(text, 'connection').some((value) => !OPTIONS.test(value)) },
  {
    name: 'Connection that names what frames or routes (RFC 9110 §7.6.1)', detail: /^Connection names (host|content-length|transfer-encoding|expect)/,
    holds: (text) => valuesOf(text, 'connection').some((value) => /(?:^|[ \t,])(host|content-length|transfer-encoding|expect)(?:$|[ \t,])/i.test(value)),
  },
  { name: 'Connection that names more than 64 fields (RFC 9110 §5.4)', detail: /^Connection names more than/, holds: (text) => valuesOf(text, 'connection').join().split(',').length > 64 },
  { name: 'two Transfer-Encodings (RFC 9112 §6.1)', detail: /^two Transfer-Encoding/, holds: (text) => valuesOf(text, 'transfer-encoding').length > 1 },
  { name: 'Transfer-Encoding that is no list (RFC 9112 §6.1)', detail: /^a Transfer-Encoding that is no/, holds: (text) => valuesOf(text, 'transfer-encoding').some((value) => !CODINGS.test(value) || /chunked.*chunked/i.test(value)) },
  { name: 'a coding other than chunked (RFC 9112 §6.1)', detail: /^a transfer coding other/, holds: (text) => valuesOf(text, 'transfer-encoding').some((value) => !/^chunked$/i.test(value)) },
  { name: 'Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)', detail: /^Transfer-Encoding in HTTP/, holds: (text) => /HTTP\/1\.0/.test(text) && valuesOf(text, 'transfer-encoding').length > 0 },
  {
    name: 'Content-Length beside Transfer-Encoding (RFC 9112 §6.1)', detail: /^(Content-Length beside|Transfer-Encoding beside)/,
    holds: (text) => valuesOf(text, 'transfer-encoding').length > 0 && valuesOf(text, 'content-length').length > 0,
  },
  { name: 'Content-Length of 2^53 or more (RFC 9110 §8.6)', detail: /^a Content-Length that/, holds: (text) => valuesOf(text, 'content-length').some((value) => !/^[0-9]+$/.test(value) || Number(value) > Number.MAX_SAFE_INTEGER) },  // The status line.
  { name: 'a status line that is none, or a status of no class (RFC 9112 §4, RFC 9110 §15)', detail: /^a status line that does not/, holds: (text) => !/^HTTP\/1\.[01] [1-5][0-9]{2}/.test(text) },
  { name: 'a control character in the reason (RFC 9112 §4)', detail: /^a control character in the status line/, holds: (text) => /^HTTP\/1\.[01] [1-5][0-9]{2}[^\r\n]*[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) },
  { name: 'framing in a 1xx or 204 (RFC 9112 §6.1, RFC 9110 §8.6)', detail: /^(Transfer-Encoding|Content-Length) in a [0-9]+$/, holds: (text) => /^HTTP\/1\.[01] (1[0-9][0-9]|204)/.test(text) && /\r\n(transfer-encoding|content-length):/i.test(text) },
  // Bodies.
  { name: 'a chunk extension that is none (RFC 9112 §7.1.1)', detail: /^a chunk extension that is no/, holds: (text) => text.split('\r\n').some((line) => /^[0-9a-f]+;/i.test(line) && !EXTENSIONS.test(line)) },
  { name: 'a chunk line of over 256 bytes (CVE-2024-22019)', detail: /^a chunk line over/, holds: (text) => /\n[0-9a-f]+[^\n]{240,}/i.test(text) },
  { name: 'chunk lines that weigh more than the data (CVE-2023-39326)', detail: /^too many chunk extensions/, holds: (text) => text.length > 16_384 && (text.match(/\n0*[0-9a-f]+;?[^\n]*/gi) ?? []).join('').length > 16_384 },
  { name: 'trailers of over 8,192 bytes (RFC 9112 §7.1.2)', detail: /^a trailer section over/, holds: (text) => /\n0+(?:;[^\n]*)?\r\n[^]{8191}/.test(text) },
  { name: 'more than 64 trailers (RFC 9112 §7.1.2)', detail: /^more than 64 trailer/, holds: (text) => /\n0+(?:;[^\n]*)?\r\n(?:[^\n:]+:[^\n]*\n){64}/.test(text) },
  { name: 'a chunk of 2^53 bytes or more (RFC 9112 §7.1)', detail: /^a chunk of 2\^53/, holds: (text) => /\n0*[1-9a-f][0-9a-f]{13,}/i.test(text) },
];

function headOf(text: string): string {
  const start = /^(\r\n){0,2}/.exec(text)![0].length;
  const end = text.indexOf('\r\n\r\n', start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}
function valuesOf(text: string, name: string): string[] {
  const values: string[] = [];
  for (const line of headOf(text).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).toLowerCase() === name) values.push(line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
  }
  return values;
}
/** RFC 9110 §4.2, RFC 3986 §3.2.2: host and perhaps a port; no user, no zone. */
export function isAuthority(text: string): boolean {
  const groups = AUTHORITY.exec(text)?.groups;
  if (!groups) return false;
  return (groups['address'] === undefined || (isIPv6(groups['address']) && !groups['address'].includes('%'))) && Number(groups['port'] ?? 0) <= 65_535;
}

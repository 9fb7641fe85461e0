/** Damage of the kind that smuggling is made of, to messages that were valid. */
import type { Random } from './random.ts';

const DIRT = ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', ',', ';', '=', '"', '\\', '\x0b', '\x0c', '\x7f', '\x80', '\xa0', '\xff', '#', '?', '/', '@', '[', ']', '%', '+', '-', '0', 'x', '\r\n\r\n', '\r\r\n', '\n\n'];
/** What a mutation may put in whole: framing in all the ways that two readers understood differently, RFC numbers in TRUST.md. */
const LINES = [
  'Content-Length: 5', 'Content-Length: 0', 'Content-Length: 05', 'Content-Length: +5', 'Content-Length: 5, 5', 'Content-Length: 9007199254740993', 'Content-Length: 18446744073709551621', 'Content-Length:', 'Content-Length : 5',
  'content-length:\t5', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: "chunked"', 'Transfer-Encoding : chunked', 'transfer-encoding: CHUNKED', 'Transfer-Encoding:', 'Transfer_Encoding: chunked', 'Transfer-Encoding: ,chunked',
  'Host: b.example', 'Host:', 'Host: a@b', 'host: [::1', 'Connection: close', 'Connection: keep-alive', 'Connection: Host', 'Connection: X-Named, te', 'Connection: upgrade', 'Connection: close, keep-alive', 'Connection: transfer-encoding',
  'Upgrade: websocket', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', 'Expect: 100-continue', 'Expect: 100-continue, x', 'Proxy-Connection: close', 'Proxy-Connection: keep-alive', 'Keep-Alive: timeout=1', 'TE: trailers',
  'X-Named: 1', ' folded', '\tfolded', 'Trailer: X', 'X:', ': x', 'no colon',
];
const NUMBERS = ['0', '00', '1', '-1', '+1', '0x1', '1e1', '1_0', 'ffffffff', 'FFFFFFFFFFFFFFFF', '10000000000000000', '1fffffffffffff', '20000000000000', '9007199254740991', '9007199254740992', '99999999999999999999', ' 5', '5 ', '5\t', ''];
const CHUNK_LINES = ['0\r\n\r\n', '0\r\n', '5\r\nhello\r\n', '5;a=b\r\nhello\r\n', '5;a="\r\n"\r\nhello\r\n', '5 ;a\r\nhello\r\n', '5\nhello\n', '5;\r\nhello\r\n', '5;=\r\nhello\r\n', '5;a= b\r\nhello\r\n', '5;;\r\nhello\r\n', '0;a\r\nX: y\r\n\r\n', '0\r\nX: y\r\n folded\r\n\r\n'];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/1.10', 'http/1.1', 'RTSP/1.0', 'HTTP/1', ''];

/** Large ones cost as much as hundreds of others. */
const LARGE_ONE_IN = 400;

/** @param other a message to splice with. */
export function mutate(random: Random, text: string, other: string): string {
  let mutated = random.oneIn(LARGE_ONE_IN) ? grow(random, text) : text;
  for (let left = 1 + random.few(3); left > 0; left--) mutated = mutateOnce(random, mutated, other);
  return mutated;
}

function mutateOnce(random: Random, text: string, other: string): string {
  const at = random.below(text.length + 1);
  switch (random.below(16)) {
    case 0:
      return replace(text, at, 1, String.fromCharCode((text.charCodeAt(Math.min(at, text.length - 1)) || 0) ^ (1 << random.below(8))));
    case 1:
      return replace(text, at, 1, String.fromCharCode(random.below(256)));
    case 2:
      return replace(text, at, 0, random.pick(DIRT));
    case 3:
      return replace(text, at, random.between(1, 3), random.pick(DIRT));
    case 4:
      return replace(text, at, random.between(1, 12), '');
    case 5:
      return replace(text, at, 0, text.slice(at, at + random.between(1, 40)));
    case 6:
    case 7:
      return inLines(random, text, (lines, line) => lines.splice(line, 0, random.pick(LINES)));
    case 8:
      return inLines(random, text, (lines, line) => lines.splice(line, 0, random.pick(lines)));
    case 9:
      return inLines(random, text, (lines, line) => lines.push(...lines.splice(line, 1)));
    case 10:
      return inLines(random, text, (lines, line) => (lines[line] = damageLine(random, lines[line]!)));
    case 11:
      return atMatch(random, text, /[0-9]+/g, () => random.pick(NUMBERS));
    case 12:
      return atMatch(random, text, /\r\n/g, () => random.pick(['\n', '\r', '\r\r\n', '\r\n\r\n', '\n\r', ' \r\n', '\r\n ', '']));
    case 13:
      return random.oneIn(2) ? text.slice(0, at) : text.slice(0, at) + other.slice(random.below(other.length + 1));
    case 14:
      return replace(text, at, 0, random.pick(CHUNK_LINES));
    default:
      return atMatch(random, text, /HTTP\/1\.[01]|\b[A-Z][a-z]{1,16}-[A-Z][a-z]{1,16}|chunked|websocket|upgrade|close/g, (met) => (met.startsWith('HTTP') ? random.pick(VERSIONS) : random.oneIn(2) ? met.toLowerCase() : met.toUpperCase()));
  }
}

/** Up to and over every limit on size and number: a piece, a line or a byte many times. */
function grow(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const lineStart = text.lastIndexOf('\n', at) + 1;
  const lineEnd = text.indexOf('\n', at) + 1 || text.length;
  const piece = random.pick([text.slice(at, at + 1), text.slice(at, at + 8), text.slice(lineStart, lineEnd), 'a', '0', '/', ',x', ';a=b']) || 'a';
  const most = random.pick([300, 9_000, 40_000]);
  return replace(text, random.oneIn(2) ? at : lineStart, 0, piece.repeat(Math.ceil(random.below(most) / piece.length)));
}

function damageLine(random: Random, line: string): string {
  const colon = line.indexOf(':');
  if (colon < 0) return line + random.pick(DIRT);
  const name = line.slice(0, colon);
  const value = line.slice(colon + 1);
  switch (random.below(5)) {
    case 0:
      return `${name}${random.pick([' ', '\t', '\x0b', '\0'])}:${value}`;
    case 1:
      return `${name}:${value}, ${value.trim()}`;
    case 2:
      return `${name}:${random.pick(NUMBERS)}`;
    case 3:
      return `${name}:\r\n ${value}`;
    default:
      return `${random.oneIn(2) ? name.toUpperCase() : name.toLowerCase()}: ${value}\t`;
  }
}

/** Changes the lines of the head; line 0 stays the first one mostly. */
function inLines(random: Random, text: string, change: (lines: string[], line: number) => unknown): string {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return text + random.pick(DIRT);
  const lines = text.slice(0, headEnd).split('\r\n');
  change(lines, random.oneIn(10) ? 0 : random.below(lines.length - 1 || 1) + (lines.length > 1 ? 1 : 0));
  return lines.join('\r\n') + text.slice(headEnd);
}
function atMatch(random: Random, text: string, pattern: RegExp, change: (met: string) => string): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const match = random.pick(matches);
  return replace(text, match.index, match[0].length, change(match[0]));
}
function replace(text: string, at: number, removed: number, added: string): string {
  return text.slice(0, at) + added + text.slice(at + removed);
}

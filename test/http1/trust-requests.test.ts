/** `TRUST.md` rows 1-34: what a request may be, row by row. Each verdict must be the same in one read, in two, and byte by byte. */
import { describe, expect, it } from 'vitest';
import { cuts, get, latin1, lines, parseInReads, parseRequest, singly, verdict, wireOf } from './helpers.ts';

const OK = 'ok';
const MALFORMED = 'ERR_REQUEST_MALFORMED';
const CODING = 'ERR_REQUEST_TRANSFER_CODING';
const VERSION = 'ERR_REQUEST_VERSION';
const HEAD_SIZE = 'ERR_REQUEST_HEAD_SIZE';
const TARGET_SIZE = 'ERR_REQUEST_TARGET_SIZE';
const EXPECT = 'ERR_REQUEST_EXPECT';

/** name, request, verdict. */
type Case = readonly [name: string, text: string, verdict: string];
function first(line: string): string {
  return lines(line, 'Host: a.example');
}
function host(value: string): string {
  return lines('GET / HTTP/1.1', `Host: ${value}`);
}
function withLength(value: string): string {
  return lines('POST / HTTP/1.1', 'Host: a.example', `Content-Length:${value}`);
}
function withCoding(value: string): string {
  return lines('POST / HTTP/1.1', 'Host: a.example', `Transfer-Encoding:${value}`);
}

const badLengths = ['', ' ', ' +5', ' -5', ' 0x5', ' 5.0', ' 5e1', ' 5 5', ' "5"', ' five', ' 5\0', ' \xb2', ' 5;', ' 9007199254740992', ' 9223372036854775808', ' 99999999999999999999999'];
const badCodings = ['', ' ', ' "chunked"', ' chunked;q=1', ' chun\0ked', ' ,chunked', ' chunked,', ' chunked chunked', ' \x0bchunked', ' xchunked\xff', ' chunked, chunked', ' chunked ,gzip, chunked'];

const rows: Record<string, readonly Case[]> = {
  '1: Content-Length that is no number': badLengths.map((value) => [JSON.stringify(value), withLength(value), MALFORMED]),
  '2: two different Content-Length': [
    ['two fields', get('Content-Length: 5', 'Content-Length: 6'), MALFORMED],
    ['a list', get('Content-Length: 5, 6'), MALFORMED],
    ['a list of equals', get('Content-Length: 5, 5'), MALFORMED],
  ],
  '3: the same Content-Length twice is one': [
    ['equal', get('Content-Length: 5', 'Content-Length: 5'), OK],
    ['equal in value', get('Content-Length: 5', 'content-length: 05'), OK],
  ],
  '4: decimal with leading zeros and white space': [
    ['010', withLength(' 010'), OK],
    ['spaces and tabs', withLength(' \t 10 \t'), OK],
    ['2^53 - 1', withLength(' 9007199254740991'), OK],
  ],
  '5: Transfer-Encoding that is not exactly chunked': [
    ...badCodings.map((value): Case => [JSON.stringify(value), withCoding(value), MALFORMED]),
    ['gzip', withCoding(' gzip'), CODING],
    ['identity', withCoding(' identity'), CODING],
    ['chunked, identity', withCoding(' chunked, identity'), CODING],
    ['xchunked', withCoding(' xchunked'), CODING],
    ['CHUNKED', withCoding(' CHUNKED'), OK],
    ['chunked with white space', withCoding('\tchunked \t'), OK],
  ],
  '6: more than chunked': [
    ['gzip, chunked', withCoding(' gzip, chunked'), CODING],
    ['two fields', get('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), MALFORMED],
    ['two fields, other first', get('Transfer-Encoding: identity', 'Transfer-Encoding: chunked'), CODING],
  ],
  'of two faults, the first': [
    ['a coding, then a line without colon', get('Transfer-Encoding: gzip', 'X'), CODING],
    ['a line without colon, then a coding', get('X', 'Transfer-Encoding: gzip'), MALFORMED],
    ['an expectation, then too many fields', get('Expect: x', ...Array.from({ length: 200 }, () => 'a:')), EXPECT],
    ['a version, then a coding', lines('GET / HTTP/3.0', 'Transfer-Encoding: gzip'), VERSION],
  ],
  '7: Transfer-Encoding and Content-Length': [
    ['TE first', get('Transfer-Encoding: chunked', 'Content-Length: 5'), MALFORMED],
    ['CL first', get('Content-Length: 5', 'Transfer-Encoding: chunked'), MALFORMED],
    ['CL 0', get('Content-Length: 0', 'Transfer-Encoding: chunked'), MALFORMED],
  ],
  '8: Transfer-Encoding in HTTP/1.0': [['chunked', lines('POST / HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked'), MALFORMED]],
  '9: white space before the colon': [
    ['space', get('Content-Length : 5'), MALFORMED],
    ['tab', get('Content-Length\t: 5'), MALFORMED],
    ['any field', get('X : 5'), MALFORMED],
  ],
  '10: odd bytes in and around a name': [
    ['no colon', get('Content-Length 5'), MALFORMED],
    ['a lone word', get('X'), MALFORMED],
    ['empty name', get(': 5'), MALFORMED],
    ['NUL in it', get('Content\0-Length: 5'), MALFORMED],
    ['VT before it', get('\x0bTransfer-Encoding: chunked'), MALFORMED],
    ['obs-text', get('Transfer-Encoding\xa0: chunked'), MALFORMED],
    ['quotes', get('"Content-Length": 5'), MALFORMED],
  ],
  '11: folded lines': [
    ['space', get('X: a', ' b'), MALFORMED],
    ['tab', get('Transfer-Encoding:', '\tchunked'), MALFORMED],
    ['first line', lines('GET / HTTP/1.1', ' Host: a.example', 'Host: a.example'), MALFORMED],
    ['a line of space', get('X: a', ' '), MALFORMED],
  ],
  '12: bare CR': [
    ['in a value', get('X: a\rb'), MALFORMED],
    ['in a name', get('X\rY: a'), MALFORMED],
    ['in the target', first('GET /a\rb HTTP/1.1'), MALFORMED],
    ['before the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\rX', MALFORMED],
    ['before the request line', '\rGET / HTTP/1.1\r\nHost: a\r\n\r\n', MALFORMED],
  ],
  '13: bare LF': [
    ['behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', MALFORMED],
    ['behind a field', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', MALFORMED],
    ['as the empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n', MALFORMED],
    ['before the request line', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', MALFORMED],
  ],
  '14: CRLF CR x': [['between fields', 'GET / HTTP/1.1\r\nHost: a\r\n\rTransfer-Encoding: chunked\r\n\r\n', MALFORMED]],
  '21: Connection that names framing': [
    ['Transfer-Encoding', get('Transfer-Encoding: chunked', 'Connection: Transfer-Encoding'), MALFORMED],
    ['Content-Length', get('Connection: close, content-length', 'Content-Length: 5'), MALFORMED],
    ['Host', get('Connection: host'), MALFORMED],
    ['no list', get('Connection: close keep-alive'), MALFORMED],
    ['odd bytes', get('Connection: clo\xe9'), MALFORMED],
    ['empty elements', get('Connection: , close,, foo ,'), OK],
    ['more names than fields can be', get(`Connection: ${Array.from({ length: 65 }, (_, i) => `x${i}`).join(',')}`), MALFORMED],
  ],
  '22: body on any method': ['GET', 'HEAD', 'DELETE', 'OPTIONS'].map((method) => [method, lines(`${method} / HTTP/1.1`, 'Host: a', 'Content-Length: 5'), OK]),
  '23: request line': [
    ['HTTP/2.0', first('GET / HTTP/2.0'), VERSION],
    ['HTTP/1.2', first('GET / HTTP/1.2'), VERSION],
    ['HTTP/0.9', first('GET / HTTP/0.9'), VERSION],
    ['HTTP/1.10', first('GET / HTTP/1.10'), MALFORMED],
    ['http/1.1', first('GET / http/1.1'), MALFORMED],
    ['RTSP/1.0', first('GET / RTSP/1.0'), MALFORMED],
    ['HTTP/1', first('GET / HTTP/1'), MALFORMED],
    ['HTTP/1.x', first('GET / HTTP/1.x'), MALFORMED],
    ['space behind the version', first('GET / HTTP/1.1 '), MALFORMED],
    ['two spaces', first('GET  / HTTP/1.1'), MALFORMED],
    ['two spaces before the version', first('GET /  HTTP/1.1'), MALFORMED],
    ['tab', first('GET\t/ HTTP/1.1'), MALFORMED],
    ['space first', first(' GET / HTTP/1.1'), MALFORMED],
    ['space in the target', first('GET /a b HTTP/1.1'), MALFORMED],
    ['NUL in the target', first('GET /a\0b HTTP/1.1'), MALFORMED],
    ['DEL in the target', first('GET /a\x7fb HTTP/1.1'), MALFORMED],
    ['obs-text in the target', first('GET /\xe9 HTTP/1.1'), MALFORMED],
    ['method that is no token', first('GE(T / HTTP/1.1'), MALFORMED],
    ['method of 33 bytes', first(`${'M'.repeat(33)} / HTTP/1.1`), MALFORMED],
    ['method of 32 bytes', first(`${'M'.repeat(32)} / HTTP/1.1`), OK],
    ['method of its own', first('get / HTTP/1.1'), OK],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', MALFORMED],
    ['TLS hello', '\x16\x03\x01\x02\0\x01', MALFORMED],
  ],
  '24: forms of the target': [
    ['* with GET', first('GET * HTTP/1.1'), MALFORMED],
    ['* with OPTIONS', first('OPTIONS * HTTP/1.1'), OK],
    ['*/x', first('OPTIONS */x HTTP/1.1'), MALFORMED],
    ['authority', first('GET a.example:80 HTTP/1.1'), MALFORMED],
    ['no slash', first('GET index.html HTTP/1.1'), MALFORMED],
    ['nothing', first('GET  HTTP/1.1'), MALFORMED],
    ['CONNECT', first('CONNECT a.example:443 HTTP/1.1'), 'ERR_REQUEST_METHOD'],
    ['another scheme', first('GET ftp://a.example/ HTTP/1.1'), MALFORMED],
    ['absolute without host', first('GET http:///x HTTP/1.1'), MALFORMED],
    ['absolute without slashes', first('GET http:a.example HTTP/1.1'), MALFORMED],
  ],
  '25: fragment': [['#', first('GET /a#b HTTP/1.1'), MALFORMED]],
  '26: absolute-form and Host': [
    ['the same', first('GET http://a.example/x HTTP/1.1'), OK],
    ['in capitals', first('GET HTTP://A.Example/x HTTP/1.1'), OK],
    ['another', first('GET http://b.example/x HTTP/1.1'), MALFORMED],
    ['another port', first('GET http://a.example:80/x HTTP/1.1'), MALFORMED],
    ['user information', first('GET http://u@a.example/x HTTP/1.1'), MALFORMED],
  ],
  '27: Host': [
    ['missing', lines('GET / HTTP/1.1'), MALFORMED],
    ['missing in HTTP/1.0', lines('GET / HTTP/1.0'), OK],
    ['twice', get('Host: a.example'), MALFORMED],
    ['twice in HTTP/1.0', lines('GET / HTTP/1.0', 'Host: a', 'Host: a'), MALFORMED],
    ...['', 'a b', 'a/b', 'u@a', 'a:', 'a:80', 'a:99999', 'a:-1', 'a:80:80', ':80', 'a,b', 'a?b', 'a#b', 'a\\b', 'h\xf6st', 'a%2fb', 'a%zz', '[::1]', '[::1]:80', '[::1', '[1.2.3.4]', '[fe80::1%25eth0]', '[::1]x', 'a"b', '<a>'].map(
      (value): Case => [JSON.stringify(value), host(value), ['a:', 'a:80', 'a,b', 'a%2fb', '[::1]', '[::1]:80'].includes(value) ? OK : MALFORMED],
    ),
  ],
  '28: triplets stay': [['%0d%0a %2f %00', first('GET /%0d%0aX:%20y/%2f%00/..%2F HTTP/1.1'), OK]],
  '29: HTTP/0.9': [
    ['no version', 'GET /\r\n', MALFORMED],
    ['no version, with a space', 'GET / \r\n', MALFORMED],
  ],
  '30: controls in a value': [
    ['NUL', get('X: a\0b'), MALFORMED],
    ['BEL', get('X: a\x07b'), MALFORMED],
    ['DEL', get('X: a\x7f'), MALFORMED],
    ['tab and obs-text', get('X: a\tb\xff'), OK],
  ],
  '31: invalid names': ['a b', 'a(b', 'a/b', 'a@b', 'a[b', 'a{b', 'h\xe9'].map((name) => [JSON.stringify(name), get(`${name}: x`), MALFORMED]),
  '32: large but honest': [
    ['8,000-byte target', first(`GET /${'a'.repeat(7999)} HTTP/1.1`), OK],
    ['4 KiB cookie', get(`Cookie: ${'c'.repeat(4096)}`), OK],
    ['50 fields', get(...Array.from({ length: 50 }, (_, i) => `X-${i}: ${i}`)), OK],
    ['100 fields with Host', get(...Array.from({ length: 99 }, (_, i) => `X-${i}: ${i}`)), OK],
  ],
  '33: over the limits, complete or not': [
    ['target', first(`GET /${'a'.repeat(100_000)} HTTP/1.1`), TARGET_SIZE],
    ['target of one byte more', first(`GET /${'a'.repeat(8192)} HTTP/1.1`), TARGET_SIZE],
    ['target without end', `GET /${'a'.repeat(8192)}`, TARGET_SIZE],
    ['value', get(`X: ${'a'.repeat(100_000)}`), HEAD_SIZE],
    ['name', get(`${'a'.repeat(100_000)}: x`), HEAD_SIZE],
    ['10,000 fields', get(...Array.from({ length: 10_000 }, () => 'X: y')), HEAD_SIZE],
    ['101 fields', get(...Array.from({ length: 100 }, () => 'X: y')), HEAD_SIZE],
    ['without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(32_768)}`, HEAD_SIZE],
    ['the fault behind the limit', get(`X: ${'a'.repeat(32_768)}`, 'no colon'), HEAD_SIZE],
    ['the fault before the limit', get('no colon', `X: ${'a'.repeat(32_768)}`), MALFORMED],
  ],
  '34: empty lines before the request line': [
    ['one', `\r\n${get()}`, OK],
    ['two', `\r\n\r\n${get()}`, OK],
    ['three', `\r\n\r\n\r\n${get()}`, MALFORMED],
    ['20,000', '\r\n'.repeat(20_000), MALFORMED],
  ],
  '40: Expect': [
    ['100-continue', get('Expect: 100-Continue'), OK],
    ['odd', get('Expect: 100-continue; x'), EXPECT],
    ['other', get('Expect: 200-ok'), EXPECT],
    ['empty', get('Expect:'), EXPECT],
    ['doubled', get('Expect: 100-continue', 'Expect: 100-continue'), EXPECT],
    ['folded', get('Expect: 100-continue', ' x'), MALFORMED],
    ['named in Connection', get('Expect: 100-continue', 'Connection: expect'), MALFORMED],
    ['other in HTTP/1.0', lines('GET / HTTP/1.0', 'Expect: x'), OK],
  ],
};

/** Longer ones are cut elsewhere: at every place it would be seconds. */
const CUT_EVERYWHERE_BELOW_BYTES = 600;

describe.each(Object.entries(rows))('row %s', (_row, cases) => {
  it.each(cases)('%s', (_name, text, expected) => {
    const parsed = parseRequest(text);
    expect(verdict(parsed), parsed.head.faultDetail).toBe(expected);
    if (parsed.met === -1) expect(parsed.head.faultDetail).toMatch(/^\S.* .*[^.]$/);
    if (parsed.met > 0) expect(parsed.met).toBe(text.length);
  });

  it.each(cases.filter(([, text]) => text.length < CUT_EVERYWHERE_BELOW_BYTES))('%s, however it is cut', (_name, text, expected) => {
    const bytes = latin1(text);
    for (const reads of cuts(bytes)) expect(verdict(parseInReads(reads))).toBe(expected);
    expect(verdict(parseInReads(singly(bytes)))).toBe(expected);
  });
});

describe('a fault shows before the head is complete', () => {
  it.each([
    ['CONNECT ', 'ERR_REQUEST_METHOD'],
    ['GE\0', MALFORMED],
    ['GET /\x01', MALFORMED],
    ['GET / HTTQ', MALFORMED],
    ['GET / HTTP/1.1\n', MALFORMED],
    ['GET / HTTP/1.1\r\nHost: a\r\nX ', MALFORMED],
    ['GET / HTTP/1.1\r\nContent-Length: x\r\n', MALFORMED],
    ['GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n', CODING],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n', MALFORMED],
  ])('%j', (text, expected) => {
    expect(verdict(parseRequest(text))).toBe(expected);
  });
});

describe('what an accepted request becomes on the wire', () => {
  it('has one decimal Content-Length, whatever it was (rows 3 and 4)', () => {
    const wire = wireOf(parseRequest(get('Content-Length: 010', 'X: y', 'content-length:\t10 ')).head);
    expect(wire).toBe('GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\nContent-Length: 10\r\n\r\n');
  });
  it('keeps triplets as they are (row 28)', () => {
    const wire = wireOf(parseRequest(first('GET /%0d%0aX:%20y/%2f%00/..%2F HTTP/1.1')).head);
    expect(wire).toContain('GET /%0d%0aX:%20y/%2f%00/..%2F HTTP/1.1\r\n');
  });
});

/** The chunked coding: `TRUST.md` rows 15 to 19. Every case in one read, in two, and byte by byte. */
import { describe, expect, it } from 'vitest';
import { CRLF, LAST_CHUNK, writeChunkHead } from '../../core/src/http1/chunked.ts';
import { cuts, decode, latin1, singly } from './helpers.ts';

const END = '0\r\n\r\n';
/** A body of one chunk `abc` with this line before it. */
function withLine(line: string): string {
  return `${line}\r\nabc\r\n${END}`;
}
function inAllReads(text: string): ReturnType<typeof decode> {
  const bytes = latin1(text);
  const whole = decode([bytes]);
  const { detail: _detail, ...facts } = whole;
  for (const reads of [...(bytes.length < 600 ? cuts(bytes) : []), singly(bytes)]) expect(decode(reads)).toMatchObject(whole.end === 'fault' ? { end: 'fault' } : facts);
  return whole;
}

describe('what is decoded', () => {
  it.each([
    ['nothing', END, ''],
    ['one chunk', withLine('3'), 'abc'],
    ['leading zeros', withLine('0003'), 'abc'],
    ['capital and small digits', `A\r\n0123456789\r\na\r\n0123456789\r\n${END}`, '01234567890123456789'],
    ['an extension (row 18: dropped)', withLine('3;name=value;other="quo ted"'), 'abc'],
    ['an extension without value, one with, one empty quoted', withLine('3;a;b=c;d=""'), 'abc'],
    ['a quoted value with what would end it elsewhere', withLine('3;a="\\"\\\\;\xff\t"'), 'abc'],
    ['CRLF in the data', `4\r\n\r\n\r\n\r\n${END}`, '\r\n\r\n'],
    ['an extension of the last chunk', '0;x\r\n\r\n', ''],
  ])('%s', (_name, text, body) => {
    expect(inAllReads(text)).toMatchObject({ end: 'end', body, trailers: '', rest: 0 });
  });
  it('ends where the next message begins', () => {
    expect(inAllReads(`${withLine('3')}GET /`)).toMatchObject({ end: 'end', body: 'abc', rest: 5 });
    expect(inAllReads(`0\r\nA: 1\r\n\r\nGET /`)).toMatchObject({ end: 'end', trailers: 'A: 1\r\n', rest: 5 });
  });
  it.each(['', '3', '3\r', '3\r\n', '3\r\nab', '3\r\nabc', '3\r\nabc\r\n', '3\r\nabc\r\n0\r\n', '0\r\nA: 1\r\n'])('is not complete after %j (row 20)', (text) => {
    expect(inAllReads(text).end).toBe('more');
  });
});

describe('what is refused', () => {
  it.each([
    ...['', ' 3', '3 ', '3\t', '0x3', '+3', '-3', '_3', '3_', 'g', ';x', '20000000000000', '10000000000000000', '3 ;x'].map((line) => [`row 15: size ${JSON.stringify(line)}`, withLine(line)]),
    ['row 16: bare LF behind the size', `3\nabc\r\n${END}`],
    ['row 16: bare CR behind the size', `3\rabc\r\n${END}`],
    ...['3;', '3;;a', '3;=b', '3;a=', '3;a=;b', '3;a b', '3; a', '3;a ', '3;a= b', '3;a =b', '3;a="b', '3;a="b"c', '3;a="b" ', '3;a=b"c"', '3;a="\\', '3;a="\x7f"', '3;a="\\\0"', '3;\xe9', '3;a=\xe9'].map((line) => [
      `no extension: ${JSON.stringify(line)}`, withLine(line),
    ]),
    ['row 16: bare LF in an extension', withLine('3;a\nb')],
    ['row 16: bare CR in an extension', withLine('3;a\rb')],
    ['row 16: NUL in an extension', withLine('3;a\0b')],
    ['row 16: bare LF behind the data', `3\r\nabc\n${END}`],
    ['row 16: bare LF as the end', '0\r\n\n'],
    ['row 16: bare LF behind the last size', '0\n\r\n'],
    ['row 17: data longer than said', `3\r\nabcd\r\n${END}`],
    ['row 17: data shorter than said', `4\r\nabc\r\n${END}`],
    ['row 17: no CRLF', `3\r\nabc0\r\n\r\n`],
    ['row 17: CR and more', `3\r\nabc\rx${END}`],
    ['row 18: a line over 256 bytes', withLine(`3;${'x'.repeat(253)}`)],
    ['row 18: a size of endless zeros', withLine(`${'0'.repeat(300)}3`)],
    ['row 19: a fold in a trailer', '0\r\nA: 1\r\n b\r\n\r\n'],
    ['row 19: a trailer without colon', '0\r\nA\r\n\r\n'],
    ['row 19: space before the colon', '0\r\nA : 1\r\n\r\n'],
    ['row 19: NUL in a trailer', '0\r\nA: \0\r\n\r\n'],
    ['row 19: 65 trailers', `0\r\n${'A: 1\r\n'.repeat(65)}\r\n`],
    ['row 19: trailers over 8 KiB', `0\r\nA: ${'x'.repeat(8192)}\r\n\r\n`],
    ['row 19: trailers without end', `0\r\nA: ${'x'.repeat(8192)}`],
  ])('%s', (_name, text) => {
    const { end, detail } = inAllReads(text);
    expect(end).toBe('fault');
    expect(detail).not.toBe('');
  });
  it('a line of just 256 bytes is none of it', () => {
    expect(inAllReads(withLine(`3;${'x'.repeat(252)}`)).end).toBe('end');
  });
  it('many small chunks with long extensions, together (row 18)', () => {
    const chunk = `1;${'x'.repeat(200)}\r\na\r\n`;
    expect(decode([latin1(chunk.repeat(80) + END)]).end).toBe('end');
    expect(decode([latin1(chunk.repeat(100) + END)]).end).toBe('fault');
  });
  it('many small chunks without extensions are not', () => {
    expect(decode([latin1('1\r\na\r\n'.repeat(100_000) + END)])).toMatchObject({ end: 'end' });
  });
});

describe('trailers (row 19)', () => {
  it('pass as they came', () => {
    expect(inAllReads('0\r\nX-Checksum:  abc \r\nGrpc-Status: 0\r\n\r\n')).toMatchObject({ end: 'end', trailers: 'X-Checksum:  abc \r\nGrpc-Status: 0\r\n' });
  });
  it.each([
    'Content-Length', 'Transfer-Encoding', 'HOST', 'Trailer', 'Connection', 'TE', 'Upgrade', 'Keep-Alive', 'Authorization', 'Proxy-Authorization', 'WWW-Authenticate', 'Set-Cookie', 'Cookie',
    'Content-Encoding', 'Content-Type', 'Content-Range', 'Cache-Control', 'Expect', 'Range', 'If-Match', 'Max-Forwards', 'X-Forwarded-For', 'Forwarded', 'Location', 'Age', 'Vary', 'Access-Control-Allow-Origin',
  ])('lose %s (RFC 9110 6.5.1)', (name) => {
    expect(decode([latin1(`0\r\nA: 1\r\n${name}: x\r\nB: 2\r\n\r\n`)])).toMatchObject({ end: 'end', trailers: 'A: 1\r\nB: 2\r\n' });
    expect(decode([latin1(`0\r\n${name}: x\r\n\r\n`)])).toMatchObject({ end: 'end', trailers: '' });
  });
  it('may be 64', () => {
    expect(inAllReads(`0\r\n${'A: 1\r\n'.repeat(64)}\r\n`)).toMatchObject({ end: 'end', trailers: 'A: 1\r\n'.repeat(64) });
  });
});

describe('chunk heads', () => {
  it.each([1, 9, 10, 15, 16, 255, 256, 4095, 65_536, 2 ** 31, 2 ** 32 + 17, Number.MAX_SAFE_INTEGER])('%d is written in hexadecimal', (size) => {
    const out = Buffer.alloc(32);
    const end = writeChunkHead(out, 3, size);
    expect(out.toString('latin1', 3, end)).toBe(`${size.toString(16)}\r\n`);
  });
  it('come with their constants', () => {
    expect([CRLF.toString(), LAST_CHUNK.toString()]).toEqual(['\r\n', END]);
  });
});

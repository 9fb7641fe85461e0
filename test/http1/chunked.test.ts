/** The chunked coding; what the conformance table does not say of it. Every case in one read, in two, and byte by byte. */
import { describe, expect, it } from 'vitest';
import { writeChunkHead } from '../../core/src/http1/chunked.ts';
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
});

describe('chunk heads', () => {
  it.each([1, 9, 10, 15, 16, 255, 256, 4095, 65_536, 2 ** 31, 2 ** 32 + 17, Number.MAX_SAFE_INTEGER])('%d is written in hexadecimal', (size) => {
    const out = Buffer.alloc(32);
    const end = writeChunkHead(out, 3, size);
    expect(out.toString('latin1', 3, end)).toBe(`${size.toString(16)}\r\n`);
  });
});

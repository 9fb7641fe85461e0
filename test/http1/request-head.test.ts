import { describe, expect, it } from 'vitest';
import { Http1RequestHead, endsHead } from '../../core/src/http1/request-head.ts';
import { LIMITS, accepted, get, latin1, lines, parseRequest, verdict, wireOf } from './helpers.ts';

describe('what a request head shows', () => {
  it('shows method, target, path, query, host and version', () => {
    const head = accepted(lines('PATCH /a%20b/c?x=1?y HTTP/1.1', 'Host: Shop.Example:8080'));
    expect(head).toMatchObject({ method: 'PATCH', target: '/a%20b/c?x=1?y', path: '/a%20b/c', query: 'x=1?y', host: 'shop.example:8080', version: '1.1' });
  });
  it('keeps the case of a method that it does not know', () => {
    expect(accepted(lines('Purge / HTTP/1.1', 'Host: a')).method).toBe('Purge');
  });
  it.each([
    ['GET', true], ['HEAD', true], ['OPTIONS', true], ['TRACE', true], ['PUT', true], ['DELETE', true], ['POST', false], ['PATCH', false], ['get', false], ['QUERY', false],
  ])('%s is idempotent: %s (RFC 9110 9.2.2)', (method, isIdempotent) => {
    const head = accepted(lines(`${method} / HTTP/1.1`, 'Host: a'));
    expect(head.method).toBe(method);
    expect(head.isIdempotent).toBe(isIdempotent);
    expect(head.isHead).toBe(method === 'HEAD');
  });
  it.each([
    ['http://a.example/x?y', 'GET', '/x?y'],
    ['http://a.example', 'GET', '/'],
    ['https://a.example?y', 'GET', '/?y'],
    ['http://a.example', 'OPTIONS', '*'],
    ['http://a.example?y', 'OPTIONS', '/?y'],
    ['http://a.example/', 'OPTIONS', '/'],
  ])('turns %s of %s into %s (RFC 9112 3.2)', (target, method, origin) => {
    const head = accepted(lines(`${method} ${target} HTTP/1.1`, 'Host: A.example'));
    expect(head.target).toBe(origin);
    expect(wireOf(head)).toBe(lines(`${method} ${origin} HTTP/1.1`, 'Host: A.example'));
  });
  it('takes the host of HTTP/1.0 from an absolute-form target', () => {
    const head = accepted(lines('GET http://A.example:81/x HTTP/1.0'));
    expect(head).toMatchObject({ host: 'a.example:81', version: '1.0' });
    expect(wireOf(head, { forwardedHost: true })).toBe(lines('GET /x HTTP/1.1', 'Host: A.example:81', 'X-Forwarded-Host: A.example:81'));
  });
  it('looks names up whatever their case, values without white space around them, several joined', () => {
    const head = accepted(get('X-A:  one \t', 'x-b: two', 'X-a: three', 'X-Empty:', 'X-L\xe4: no'.replace('\xe4', 'a')));
    expect(head.header('x-A')).toBe('one, three');
    expect(head.headerValues('X-A')).toEqual(['one', 'three']);
    expect(head.header('X-Empty')).toBe('');
    expect(head.header('X-C')).toBeUndefined();
    expect(head.header('')).toBeUndefined();
    expect(head.header('\u{20ac}-a')).toBeUndefined();
    expect(head.hasHeader('X-B')).toBe(true);
    expect(head.hasHeader('X-Bb')).toBe(false);
    expect(head.headers()).toEqual([['Host', 'a.example'], ['X-A', 'one'], ['x-b', 'two'], ['X-a', 'three'], ['X-Empty', ''], ['X-La', 'no']]);
  });
  it('reads values as Latin-1', () => {
    expect(accepted(get('X: caf\xe9')).header('x')).toBe('caf\xe9');
  });
  it.each([
    ['1.1', [], true], ['1.1', ['Connection: close'], false], ['1.1', ['Connection: x, CLOSE'], false], ['1.1', ['Connection: keep-alive'], true],
    ['1.0', [], false], ['1.0', ['Connection: Keep-Alive'], true], ['1.0', ['Connection: keep-alive', 'Connection: close'], false], ['1.0', ['Proxy-Connection: keep-alive'], false],
  ])('keeps an HTTP/%s connection with %j: %s', (version, fields, keepAlive) => {
    expect(accepted(lines(`GET / HTTP/${version}`, 'Host: a', ...fields)).keepAlive).toBe(keepAlive);
  });
  it('says how its body is framed', () => {
    expect(accepted(get())).toMatchObject({ contentLength: -1, chunked: false, hasBody: false });
    expect(accepted(get('Content-Length: 0'))).toMatchObject({ contentLength: 0, chunked: false, hasBody: false });
    expect(accepted(get('Content-Length: 9'))).toMatchObject({ contentLength: 9, chunked: false, hasBody: true });
    expect(accepted(get('Transfer-Encoding: Chunked'))).toMatchObject({ contentLength: -1, chunked: true, hasBody: true });
  });
});

describe('upgrade', () => {
  const websocket = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket'];
  it('passes on with the Connection field written anew', () => {
    const head = accepted(get(...websocket, 'Sec-WebSocket-Version: 13'));
    expect(head.upgrade).toBe(true);
    expect(wireOf(head)).toBe(get('Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Connection: upgrade'));
  });
  it.each([
    ['HTTP/1.0', lines('GET / HTTP/1.0', 'Host: a.example', ...websocket)],
    ['without Connection', get('Upgrade: websocket')],
    ['without Upgrade', get('Connection: upgrade')],
    ['empty', get('Connection: upgrade', 'Upgrade:')],
    ['with a body', get(...websocket, 'Content-Length: 1')],
    ['with chunks', get(...websocket, 'Transfer-Encoding: chunked')],
    ['h2c (row 36)', get('Connection: upgrade', 'Upgrade: h2c')],
    ['H2C in a list', get('Connection: upgrade', 'Upgrade: websocket, H2C')],
    ['h2c in a second field', get(...websocket, 'Upgrade: h2c')],
    ['h2c in a first field', get('Connection: upgrade', 'Upgrade: h2c', 'Upgrade: websocket')],
    ['HTTP/2.0', get('Connection: upgrade', 'Upgrade: HTTP/2.0')],
    ['HTTP2-Settings', get(...websocket, 'HTTP2-Settings: AAMAAABk')],
    ['HTTP2-Settings first', get('HTTP2-Settings: AAMAAABk', ...websocket)],
    ['odd bytes', get('Connection: upgrade', 'Upgrade: web socket')],
    ['empty version', get('Connection: upgrade', 'Upgrade: websocket/')],
  ])('is dropped: %s', (_name, text) => {
    const head = accepted(text);
    expect(head.upgrade).toBe(false);
    expect(wireOf(head)).not.toMatch(/upgrade|settings|connection/i);
  });
});

describe('Expect', () => {
  it('stays in HTTP/1.1 and is told', () => {
    const head = accepted(get('Expect: 100-CONTINUE', 'Content-Length: 3'));
    expect(head.expectContinue).toBe(true);
    expect(wireOf(head)).toContain('Expect: 100-CONTINUE\r\n');
  });
  it('is ignored and dropped in HTTP/1.0 (RFC 9110 10.1.1)', () => {
    const head = accepted(lines('GET / HTTP/1.0', 'Host: a', 'Expect: 100-continue'));
    expect(head.expectContinue).toBe(false);
    expect(wireOf(head)).toBe(lines('GET / HTTP/1.1', 'Host: a'));
  });
});

describe('a fault shows before the head is complete', () => {
  it.each([
    ['CONNECT ', 'ERR_REQUEST_METHOD'],
    ['GE\0', 'ERR_REQUEST_MALFORMED'],
    ['GET /\x01', 'ERR_REQUEST_MALFORMED'],
    ['GET / HTTQ', 'ERR_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\n', 'ERR_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nHost: a\r\nX ', 'ERR_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nContent-Length: x\r\n', 'ERR_REQUEST_MALFORMED'],
    ['GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n', 'ERR_REQUEST_TRANSFER_CODING'],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n', 'ERR_REQUEST_MALFORMED'],
  ])('%j', (text, expected) => {
    expect(verdict(parseRequest(text))).toBe(expected);
  });
});

describe('the object is used again', () => {
  it('shows nothing of the head before', () => {
    const head = accepted(lines('OPTIONS http://a.example HTTP/1.1', 'Host: a.example', 'Expect: 100-continue', 'Connection: close, x', 'X: 1', 'Content-Length: 1'));
    head.setTarget('/edited');
    head.setHeader('X-Edit', '1');
    const next = latin1(get());
    expect(head.parse(next, 0, next.length, LIMITS)).toBe(next.length);
    expect(head).toMatchObject({ method: 'GET', target: '/', host: 'a.example', contentLength: -1, keepAlive: true, expectContinue: false });
    expect(head.mark()).toBe(0);
    expect(wireOf(head)).toBe(get());
  });
  it('shows nothing while a head is incomplete', () => {
    const head = accepted(get('X: 1'));
    const half = latin1('POST /x HTTP/1.1\r\nHost: b\r\nX: 2\r\n');
    expect(head.parse(half, 0, half.length, LIMITS)).toBe(0);
    expect(head).toMatchObject({ method: '', target: '', host: '' });
    expect(head.headers()).toEqual([]);
  });
  it('shows the request line of a refused request, for the log, and no fields', () => {
    const { head } = parseRequest(lines('POST /x HTTP/1.1', 'Host: b', 'Content-Length: x'));
    expect(head).toMatchObject({ method: 'POST', target: '/x', host: '', fault: 'ERR_REQUEST_MALFORMED' });
    expect(head.headers()).toEqual([]);
    expect(parseRequest('\0').head).toMatchObject({ method: '', target: '' });
  });
  it('does not need the received bytes any longer', () => {
    const bytes = latin1(get('X: 1'));
    const head = new Http1RequestHead();
    head.parse(bytes, 0, bytes.length, LIMITS);
    bytes.fill(0);
    expect(wireOf(head)).toBe(get('X: 1'));
  });
  it('reads a head in the middle of other bytes, and no byte at or behind the end', () => {
    const head = new Http1RequestHead();
    const text = `\r\n${get('X: 1')}`;
    const bytes = latin1(`junk${text}GET /next`);
    expect(head.parse(bytes, 4, bytes.length, LIMITS)).toBe(4 + text.length);
    expect(wireOf(head)).toBe(get('X: 1'));
    expect(head.parse(bytes, 4, 4 + text.length - 1, LIMITS)).toBe(0);
  });
});

describe('endsHead', () => {
  it('finds an end that was cut anywhere', () => {
    const bytes = latin1('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let from = 0; from < bytes.length; from++) expect(endsHead(bytes, from, bytes.length)).toBe(true);
  });
  it('sees none where there is none, nor behind the end', () => {
    const bytes = latin1('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(endsHead(bytes, 0, bytes.length - 1)).toBe(false);
    expect(endsHead(bytes, 0, 0)).toBe(false);
    expect(endsHead(latin1('\n'), 0, 1)).toBe(false);
  });
});

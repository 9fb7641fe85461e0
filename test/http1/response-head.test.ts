/** Response heads: what they show and what the client is sent. What is refused is in the conformance table. */
import { describe, expect, it } from 'vitest';
import { Http1ResponseHead } from '../../core/src/http1/response-head.ts';
import { LIMITS, acceptedResponse, latin1, lines, responseWireOf } from './helpers.ts';

function ok(...fields: string[]): string {
  return lines('HTTP/1.1 200 OK', ...fields);
}

describe('what a response head shows', () => {
  it('shows status, fields and framing', () => {
    const head = acceptedResponse(ok('Content-Length: 007', 'Set-Cookie: a', 'set-cookie: b'));
    expect(head).toMatchObject({ status: 200, contentLength: 7, chunked: false, keepAlive: true, upgrade: false });
    expect(head.headerValues('Set-Cookie')).toEqual(['a', 'b']);
  });
  it.each([
    ['1.1', [], true], ['1.1', ['Connection: Close'], false], ['1.0', [], false], ['1.0', ['Connection: keep-alive'], true],
  ])('keeps an HTTP/%s connection with %j: %s', (version, fields, keepAlive) => {
    expect(acceptedResponse(lines(`HTTP/${version} 200 OK`, ...fields)).keepAlive).toBe(keepAlive);
  });
  it('is an upgrade for a 101 whose protocol may pass', () => {
    expect(acceptedResponse(lines('HTTP/1.1 101 x', 'Connection: upgrade', 'Upgrade: websocket')).upgrade).toBe(true);
    expect(acceptedResponse(lines('HTTP/1.1 101 x', 'Connection: upgrade')).upgrade).toBe(false);
    // RFC 9110 §7.8: the sender of Upgrade names it in Connection, or it was meant for another hop.
    expect(acceptedResponse(lines('HTTP/1.1 101 x', 'Upgrade: websocket')).upgrade).toBe(false);
    expect(acceptedResponse(lines('HTTP/1.1 101 x', 'Connection: keep-alive', 'Upgrade: websocket')).upgrade).toBe(false);
    expect(acceptedResponse(lines('HTTP/1.1 101 x', 'Connection: upgrade', 'Upgrade: h2c')).upgrade).toBe(false);
    expect(acceptedResponse(ok('Connection: upgrade', 'Upgrade: websocket')).upgrade).toBe(false);
  });
  it('shows nothing of the head before, nor of one half read', () => {
    const head = acceptedResponse(ok('A: 1', 'Content-Length: 5'));
    const half = latin1('HTTP/1.1 500 x\r\nB: 2\r\n');
    expect(head.parse(half, 0, half.length, LIMITS)).toBe(0);
    expect(head.headers()).toEqual([]);
    const next = latin1(lines('HTTP/1.1 404 x'));
    expect(head.parse(next, 0, next.length, LIMITS)).toBe(next.length);
    expect(head).toMatchObject({ status: 404, contentLength: -1 });
  });
});

describe('the outgoing response', () => {
  it('leaves as it came when nothing is to change', () => {
    expect(responseWireOf(acceptedResponse(ok('A:  b ', 'Content-Length: 5')))).toBe(ok('A:  b ', 'Content-Length: 5'));
  });
  it('is HTTP/1.1 with the status and reason as received', () => {
    expect(responseWireOf(acceptedResponse(lines('HTTP/1.0 404 Not here', 'A: b')), { framing: 'close' })).toBe(lines('HTTP/1.1 404 Not here', 'A: b'));
    expect(responseWireOf(acceptedResponse(lines('HTTP/1.0 200', 'A: b')), { framing: 'close' })).toBe(lines('HTTP/1.1 200 ', 'A: b'));
  });
  it('leaves hop-by-hop fields out', () => {
    const text = ok('Connection: X-Secret, keep-alive', 'x-secret: 1', 'Keep-Alive: timeout=5', 'A: 1', 'Upgrade: h2c', 'Transfer-Encoding: chunked', 'Proxy-Authenticate: Basic', 'Trailer: X');
    expect(responseWireOf(acceptedResponse(text), { framing: 'chunked' })).toBe(ok('A: 1', 'Trailer: X', 'Transfer-Encoding: chunked'));
  });
  it.each([
    ['length', ok('Content-Length: 05'), 'Content-Length: 5\r\n'],
    ['chunked', ok('Transfer-Encoding: chunked'), 'Transfer-Encoding: chunked\r\n'],
    ['close', ok('Content-Length: 5'), ''],
    ['none', ok('Content-Length: 5'), 'Content-Length: 5\r\n'],
    ['none', ok('Transfer-Encoding: chunked'), ''],
    ['none', lines('HTTP/1.1 204 No', 'Content-Length: 5'), ''],
    ['none', lines('HTTP/1.1 304 No', 'Content-Length: 5'), 'Content-Length: 5\r\n'],
    ['none', lines('HTTP/1.1 100 Go'), ''],
  ] as const)('is framed by %s: %j', (framing, text, line) => {
    const wire = responseWireOf(acceptedResponse(text), { framing });
    expect(wire.slice(wire.indexOf('\r\n') + 2)).toBe(`${line}\r\n`);
  });
  it.each([
    ['', ''], ['close', 'Connection: close\r\n'], ['keep-alive', 'Connection: keep-alive\r\n'],
  ] as const)('says %j about its connection, whatever the backend said', (connection, line) => {
    const wire = responseWireOf(acceptedResponse(ok('Connection: close, keep-alive')), { framing: 'close', connection });
    expect(wire).toBe(`HTTP/1.1 200 OK\r\n${line}\r\n`);
  });
  it('keeps Upgrade for an upgrade alone', () => {
    const head = acceptedResponse(lines('HTTP/1.1 101 Switching', 'Connection: Upgrade', 'Upgrade: websocket', 'A: 1'));
    expect(responseWireOf(head, { framing: 'none', connection: 'upgrade' })).toBe(lines('HTTP/1.1 101 Switching', 'Upgrade: websocket', 'A: 1', 'Connection: upgrade'));
    expect(responseWireOf(head, { framing: 'none' })).toBe(lines('HTTP/1.1 101 Switching', 'A: 1'));
  });
  it('is read from the middle of other bytes', () => {
    const head = new Http1ResponseHead();
    const bytes = latin1(`xx${ok('A: 1')}body`);
    expect(head.parse(bytes, 2, bytes.length, LIMITS)).toBe(bytes.length - 4);
    expect(responseWireOf(head, { framing: 'close' })).toBe(ok('A: 1'));
  });
});

import { describe, expect, it } from 'vitest';
import { accepted, get, latin1, lines, wireOf } from './helpers.ts';

describe('the outgoing request', () => {
  it('leaves as it came when nothing is to change', () => {
    const text = lines('GET /a?b HTTP/1.1', 'Host: a', 'ACCEPT:  */* ', 'x:y', 'Cookie: caf\xe9', 'Via: 1.0 other', 'Trailer: X');
    expect(wireOf(accepted(text))).toBe(text);
  });
  it('has Host first, wherever it came', () => {
    expect(wireOf(accepted(lines('GET / HTTP/1.1', 'A: 1', 'B: 2', 'hOST: a', 'C: 3')))).toBe(lines('GET / HTTP/1.1', 'hOST: a', 'A: 1', 'B: 2', 'C: 3'));
    expect(wireOf(accepted(lines('GET / HTTP/1.1', 'A: 1', 'Host: a')))).toBe(lines('GET / HTTP/1.1', 'Host: a', 'A: 1'));
  });
  it('is HTTP/1.1 whatever came', () => {
    expect(wireOf(accepted(lines('GET / HTTP/1.0', 'Host: a')))).toBe(lines('GET / HTTP/1.1', 'Host: a'));
    expect(wireOf(accepted(lines('GET / HTTP/1.0', 'A: 1', 'Host: a')))).toBe(lines('GET / HTTP/1.1', 'Host: a', 'A: 1'));
    expect(wireOf(accepted(lines('GET /x HTTP/1.0', 'A: 1')), { hostLine: latin1('Host: b\r\n') })).toBe(lines('GET /x HTTP/1.1', 'Host: b', 'A: 1'));
  });
  it('has the host line that it is given in place of the received one', () => {
    expect(wireOf(accepted(get('A: 1')), { hostLine: latin1('Host: b:81\r\n') })).toBe(lines('GET / HTTP/1.1', 'Host: b:81', 'A: 1'));
  });
  it('leaves hop-by-hop fields out, alone and named (rows 35 and 36)', () => {
    const head = accepted(
      get('Keep-Alive: timeout=5', 'A: 1', 'Proxy-Connection: close', 'TE: trailers', 'HTTP2-Settings: x', 'Connection: X-secret, keep-alive', 'x-Secret: 1', 'X-Secret-Not: 2',
        'Proxy-Authorization: Basic x', 'Proxy-Authenticate: Basic', 'connection: B', 'b: 3', 'X-SECRET: 4', 'C: 5'),
    );
    expect(wireOf(head)).toBe(get('A: 1', 'X-Secret-Not: 2', 'C: 5'));
  });
  it('leaves out the very fields that Connection names, not those that look alike', () => {
    // Length, first and last letter are the same: so is the hash.
    expect(wireOf(accepted(get('Connection: x-abc-z', 'x-abd-z: 1', 'X-ABC-Z: 2', 'x-abc-zz: 3')))).toBe(get('x-abd-z: 1', 'x-abc-zz: 3'));
  });
  it.each([
    [['Content-Length: 0'], 'Content-Length: 0\r\n'],
    [['Content-Length: 0012'], 'Content-Length: 12\r\n'],
    [['Content-Length: 9007199254740991'], 'Content-Length: 9007199254740991\r\n'],
    [['Transfer-Encoding: CHUNKED'], 'Transfer-Encoding: chunked\r\n'],
    [[], ''],
  ])('has one framing line of its own for %j', (fields, line) => {
    expect(wireOf(accepted(get(...fields, 'A: 1')))).toBe(`GET / HTTP/1.1\r\nHost: a.example\r\nA: 1\r\n${line}\r\n`);
  });
  it('keeps our lines whatever Connection names', () => {
    const head = accepted(get('Connection: x-forwarded-for, via, x-forwarded-host', 'X-Forwarded-For: 6.6.6.6', 'Via: 1.1 evil'));
    const extra = latin1('X-Forwarded-For: 192.0.2.7\r\nVia: 1.1 steelyard\r\n');
    expect(wireOf(head, { extra, forwardedHost: true, dropForwarding: true })).toBe(get('X-Forwarded-Host: a.example', 'X-Forwarded-For: 192.0.2.7', 'Via: 1.1 steelyard'));
  });
  it('keeps what a trusted proxy tells, whatever Connection names: it may be from its client (CVE-2022-31813)', () => {
    const head = accepted(get('Connection: x-forwarded-proto, Forwarded, X-Other', 'X-Forwarded-Proto: https', 'Forwarded: proto=https', 'X-Other: 1'));
    expect(wireOf(head)).toBe(get('X-Forwarded-Proto: https', 'Forwarded: proto=https'));
    expect(wireOf(head, { dropForwarding: true })).toBe(get());
  });
  it('drops look-alikes of forwarding fields, whoever is trusted', () => {
    const head = accepted(get('X_Forwarded_For: 6', 'X-Forwarded_Proto: https', 'x_forwarded-anything: 6', 'X_Forwarded: 1', 'Y_Forwarded_For: 2'));
    expect(wireOf(head)).toBe(get('X_Forwarded: 1', 'Y_Forwarded_For: 2'));
  });
  it('drops what an untrusted client said of itself, in any case, and nothing like it', () => {
    const head = accepted(get('X-FORWARDED-For: 6', 'x-forwarded-anything: 6', 'Forwarded: for=6', 'X-Forwarded: 1', 'X-Forwardedfor: 2', 'X-Forward-For: 3'));
    expect(wireOf(head, { dropForwarding: true })).toBe(get('X-Forwarded: 1', 'X-Forwardedfor: 2', 'X-Forward-For: 3'));
    expect(wireOf(head)).toContain('X-FORWARDED-For: 6\r\nx-forwarded-anything: 6\r\nForwarded: for=6\r\n');
  });
  it('tells the received host only when there was one', () => {
    expect(wireOf(accepted(get()), { forwardedHost: true, hostLine: latin1('Host: b\r\n') })).toBe(lines('GET / HTTP/1.1', 'Host: b', 'X-Forwarded-Host: a.example'));
    expect(wireOf(accepted(lines('GET / HTTP/1.0')), { forwardedHost: true, hostLine: latin1('Host: b\r\n') })).toBe(lines('GET / HTTP/1.1', 'Host: b'));
  });
  it('can be written again for a retry', () => {
    const head = accepted(get('A: 1', 'Connection: close', 'Content-Length: 3'));
    head.setHeader('B', '2');
    expect(wireOf(head)).toBe(wireOf(head));
  });
  it('takes a head larger than the first copy', () => {
    const text = get(`Cookie: ${'c'.repeat(20_000)}`, ...Array.from({ length: 90 }, (_, i) => `X-${i}: ${i}`));
    expect(wireOf(accepted(text))).toBe(text);
  });
});

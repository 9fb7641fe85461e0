import { describe, expect, it } from 'vitest';
import { accepted, acceptedResponse, get, latin1, lines, responseWireOf, wireOf } from './helpers.ts';

const ERR_HEAD_EDIT = expect.objectContaining({ code: 'ERR_HEAD_EDIT', source: 'plugin' });

describe('edits of a head', () => {
  it('show in look-ups and on the wire', () => {
    const head = accepted(get('A: 1', 'B: 2', 'a: 3', 'C: 4'));
    head.setHeader('a', 'new');
    head.removeHeader('B');
    head.appendHeader('C', 'more');
    head.appendHeader('D', '');
    expect(head.headers()).toEqual([['Host', 'a.example'], ['C', '4'], ['a', 'new'], ['C', 'more'], ['D', '']]);
    expect([head.header('A'), head.header('b'), head.header('c'), head.header('d')]).toEqual(['new', undefined, '4, more', '']);
    expect([head.hasHeader('A'), head.hasHeader('B'), head.hasHeader('D')]).toEqual([true, false, true]);
    expect(wireOf(head)).toBe(get('C: 4', 'a: new', 'C: more', 'D: '));
  });
  it('replace and remove what earlier edits wrote', () => {
    const head = accepted(get());
    head.appendHeader('A', '1');
    head.setHeader('B', '1');
    head.setHeader('a', '2');
    head.removeHeader('b');
    head.appendHeader('B', '3');
    expect(wireOf(head)).toBe(get('a: 2', 'B: 3'));
  });
  it('take look-alikes of their name away, which many backends read as the same', () => {
    const head = accepted(get('X_User: evil', 'x-User: evil', 'X_Role: evil', 'X-Other: kept', 'X_Us-r: kept'));
    expect(head.header('X_User')).toBe('evil');
    head.setHeader('X-User', 'alice');
    head.removeHeader('X-Role');
    expect([head.header('x_user'), head.hasHeader('X_Role'), head.header('X-User'), head.header('x-other')]).toEqual([undefined, false, 'alice', 'kept']);
    expect(head.headers()).toEqual([['Host', 'a.example'], ['X-Other', 'kept'], ['X_Us-r', 'kept'], ['X-User', 'alice']]);
    expect(wireOf(head)).toBe(get('X-Other: kept', 'X_Us-r: kept', 'X-User: alice'));
  });
  it('end at their mark, so that a failing plugin loses its own alone', () => {
    const head = accepted(get('A: 1'));
    head.setHeader('B', '1');
    head.setTarget('/mine');
    const mark = head.mark();
    head.setTarget('/yours');
    head.setHeader('Host', 'yours');
    head.removeHeader('A');
    head.setHeader('B', '2');
    expect(head).toMatchObject({ target: '/yours', host: 'yours' });
    head.rollback(mark);
    expect(head).toMatchObject({ target: '/mine', host: 'a.example' });
    expect(wireOf(head)).toBe(lines('GET /mine HTTP/1.1', 'Host: a.example', 'A: 1', 'B: 1'));
    head.rollback(0);
    expect(wireOf(head)).toBe(get('A: 1'));
  });
  it('change path and query', () => {
    const head = accepted(lines('GET /old?a HTTP/1.0', 'Host: a', 'X: 1'));
    head.setTarget('/new?b=c');
    expect(head).toMatchObject({ target: '/new?b=c', path: '/new', query: 'b=c' });
    expect(wireOf(head)).toBe(lines('GET /new?b=c HTTP/1.1', 'Host: a', 'X: 1'));
  });
  it('that are refused tell no query: it may be the client\'s, with a token in it', () => {
    for (const target of ['here?token=s3cret', '/a b?token=s3cret', '/a?token=s3cret#é', '/a?\ns3cret', '/#s3cret']) {
      let told = '';
      try {
        accepted(get()).setTarget(target);
      } catch (thrown) {
        told = (thrown as Error).message;
      }
      expect(told).toContain('***');
      expect(told).not.toContain('s3cret');
    }
  });
  it('change the host, before the line that the route gives', () => {
    const head = accepted(get('X: 1'));
    head.setHeader('hOst', 'B.example:81');
    expect(head).toMatchObject({ host: 'b.example:81' });
    expect(head.header('host')).toBe('B.example:81');
    const wire = wireOf(head, { hostLine: latin1('Host: c\r\n'), forwardedHost: true });
    expect(wire).toBe(lines('GET / HTTP/1.1', 'Host: B.example:81', 'X: 1', 'X-Forwarded-Host: a.example'));
  });
  it('under forwarding names count, though the received ones are dropped', () => {
    const head = accepted(get('X-Forwarded-Host: evil', 'X-Forwarded-For: evil'));
    head.setHeader('X-Forwarded-Host', 'mine');
    head.appendHeader('X-Forwarded-For', 'mine');
    expect(wireOf(head, { dropForwarding: true, forwardedHost: true })).toBe(get('X-Forwarded-Host: mine', 'X-Forwarded-For: mine'));
  });
  it('lose white space around a value, as a received one does', () => {
    const head = accepted(get());
    head.setHeader('A', ' \t x y\t ');
    expect(head.header('a')).toBe('x y');
    expect(wireOf(head)).toBe(get('A: x y'));
  });
  it('count in the bound of what is written, and no longer when they are taken back', () => {
    const wire = { hostLine: undefined, extra: Buffer.alloc(0), dropForwarding: false, forwardedHost: false };
    const head = accepted(get());
    const before = head.wireBound(wire);
    head.setHeader('A', 'x'.repeat(5000));
    head.setTarget(`/${'y'.repeat(3000)}`);
    head.setHeader('Host', 'z'.repeat(2000));
    // wireOf holds it against the bound.
    expect(wireOf(head).length).toBeGreaterThan(10_000);
    head.rollback(0);
    expect(head.wireBound(wire)).toBe(before);
  });
  it('touch the very field that they name, not one that looks alike', () => {
    const head = accepted(get('x-abd-z: 1', 'X-ABC-Z: 2'));
    head.removeHeader('x-abc-z');
    expect(wireOf(head)).toBe(get('x-abd-z: 1'));
    expect(head.header('x-abe-z')).toBeUndefined();
  });
  it('keep Latin-1', () => {
    const head = accepted(get());
    head.setHeader('A', 'caf\xe9');
    expect(wireOf(head)).toBe(get('A: caf\xe9'));
  });
  it('of a response may name any field that is not framing', () => {
    const head = acceptedResponse(lines('HTTP/1.1 200 OK', 'Content-Length: 2', 'Server: x'));
    head.removeHeader('server');
    head.setHeader('Host', 'not an authority');
    expect(responseWireOf(head)).toBe(lines('HTTP/1.1 200 OK', 'Host: not an authority', 'Content-Length: 2'));
  });
});

describe('edits that are refused', () => {
  const framing = ['Content-Length', 'transfer-encoding', 'Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade', 'Trailer', 'HTTP2-Settings', 'Expect'];
  it.each(framing)('%s, on requests and responses', (name) => {
    for (const head of [accepted(get()), acceptedResponse(lines('HTTP/1.1 200 OK'))]) {
      expect(() => head.setHeader(name, '1')).toThrow(ERR_HEAD_EDIT);
      expect(() => head.appendHeader(name, '1')).toThrow(ERR_HEAD_EDIT);
      expect(() => head.removeHeader(name)).toThrow(ERR_HEAD_EDIT);
      expect(head.mark()).toBe(0);
    }
  });
  it.each(['', 'a b', 'a:', 'a\r\nb', 'h\xe9', '\u{20ac}', undefined, 5])('name %j', (name) => {
    expect(() => accepted(get()).setHeader(name as string, 'x')).toThrow(ERR_HEAD_EDIT);
  });
  it.each(['a\r\nb: c', 'a\n', '\ra', 'a\0', '\x7f', '\u{20ac}', undefined, null, 5])('value %j', (value) => {
    const head = accepted(get());
    expect(() => head.setHeader('x', value as string)).toThrow(ERR_HEAD_EDIT);
    expect(() => head.appendHeader('x', value as string)).toThrow(ERR_HEAD_EDIT);
    expect(wireOf(head)).toBe(get());
  });
  it.each(['', 'x', '*', 'http://a/', '/a b', '/a#b', '/a\r\n', '/\x7f', '/\xe9', '/\u{20ac}', undefined])('target %j', (target) => {
    const head = accepted(get());
    expect(() => head.setTarget(target as string)).toThrow(ERR_HEAD_EDIT);
    expect(head.target).toBe('/');
  });
  it.each(['', 'a b', 'u@a', 'a/b'])('host %j, and the one before stays', (value) => {
    const head = accepted(get());
    head.setHeader('Host', 'b');
    expect(() => head.setHeader('Host', value)).toThrow(ERR_HEAD_EDIT);
    expect(head.host).toBe('b');
  });
  it('a second host, and none', () => {
    const head = accepted(get());
    expect(() => head.appendHeader('HOST', 'b')).toThrow(ERR_HEAD_EDIT);
    expect(() => head.removeHeader('host')).toThrow(ERR_HEAD_EDIT);
  });
  it('with a sentence that says what and why', () => {
    expect(() => accepted(get()).setHeader('Content-Length', '5')).toThrow('the field Content-Length belongs to the connection or the framing');
  });
});

import { describe, expect, it } from 'vitest';
import { isAuthority, normalisePath } from '../../core/src/http1/target.ts';

describe('normalisePath (RFC 3986 6.2.2)', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/%7Euser/%41%2d%5F', '/~user/A-_'],
    ['/%2f%2F%00%c3%a9', '/%2F%2F%00%C3%A9'],
    ['/100%', '/100%'],
    ['/%zz%4', '/%zz%4'],
    ['/%2541', '/%2541'],
    ['/%%32e%%32e', '/%%32e%%32e'],
    ['/%2%65', '/%2%65'],
    ['/%2%65%65', '/%2%65e'],
    ['/%25%32%65', '/%252e'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/..', '/'],
    ['/../../a', '/a'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a//../b', '/a/b'],
    ['/a//b', '/a//b'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/...', '/a/...'],
    ['/a/..b', '/a/..b'],
    ['/a/b/c/./../../g', '/a/g'],
    ['*', '*'],
  ])('%s is %s', (path, normal) => {
    expect(normalisePath(path)).toBe(normal);
    expect(normalisePath(normal)).toBe(normal);
  });
});

describe('isAuthority (RFC 3986 3.2, RFC 9110 7.2)', () => {
  const check = (text: string): boolean => isAuthority(Buffer.from(`x${text}x`, 'latin1'), 1, 1 + Buffer.from(text, 'latin1').length);
  it.each(['a', 'A.example', '127.0.0.1', '127.0.0.1:80', 'a:', 'a:0', 'a:65535', 'a_b', 'a%20b', '[::]', '[::1]:8080', '[2001:db8::1]', '[::ffff:1.2.3.4]', "a!$&'()*+,;=~"])('%s is one', (text) => {
    expect(check(text)).toBe(true);
  });
  it.each(['', ':80', 'a b', 'a:65536', 'a:x', 'a:1:2', 'a:+1', 'a@b', 'a/', 'a?', 'a#', '[]', '[', ']', '[::1', '::1', '[::1]80', '[::1]:x', '[:::]', '[1.2.3.4]', '[v1.x]', '[fe80::1%eth0]', 'a%', 'a%2', 'a%zz', '\0', '\xe9', 'a\\b'])('%j is none', (text) => {
    expect(check(text)).toBe(false);
  });
});

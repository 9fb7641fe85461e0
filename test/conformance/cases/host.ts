/** Host: row 27. */
import { bothDiffer, expecting, get, lines, ORIGIN, pass, refuse, rule, type Case } from '../case.ts';

function host(value: string): string {
  return lines('GET /x HTTP/1.1', `Host: ${value}`);
}
const good = ['a', 'A.Example', 'a.example:80', 'a.example:', 'a.example.', '127.0.0.1', '127.0.0.1:8080', '[::1]', '[::1]:8080', '[2001:db8::1]', 'a_b', 'xn--9caa', 'a%20b', "a!$&'()*+,;=~"];
/** nginx takes what it has no use for; of these it knows better. */
const bad = ['', ':80', 'a b', 'a\tb', 'a/b', 'a/', '::1', 'http://a', 'a\0b', 'a\x7fb'];
const badToUs = ['u@a', 'u:p@a', 'a:-1', 'a:+80', 'a:65536', 'a:99999', 'a:8o', 'a:80:80', 'a?b', 'a#b', 'a\\b', 'a"b', '<a>', 'a{b', 'a^b', 'a`b', 'a|b', 'h\xf6st', 'a%zz', 'a%2', 'a%', '[::1', '[::1]x', '[]', '[1.2.3.4]', '[fe80::1%25eth0]', '[:::]'];

export const hosts: readonly Case[] = rule(27, 'RFC 9112 §3.2, RFC 9110 §7.2, RFC 3986 §3.2.2', [
  refuse('none', lines('GET /x HTTP/1.1')),
  refuse('none, but fields', lines('GET /x HTTP/1.1', 'A: b', 'X-Host: a.example')),
  refuse('twice', get('Host: b.example')),
  refuse('the same twice', get('Host: a.example')),
  refuse('twice in other capitals', get('HOST: evil.example')),
  refuse('twice, far apart', get(...Array.from({ length: 30 }, (_, i) => `A-${i}: b`), 'Host: evil.example')),
  refuse('a list of two', host('a.example b.example')),
  refuse('a good one and an empty one', get('Host:')),
  refuse('twice in HTTP/1.0', lines('GET /x HTTP/1.0', 'Host: a.example', 'Host: b.example')),
  refuse('invalid in HTTP/1.0', lines('GET /x HTTP/1.0', 'Host: a b')),
  refuse('a folded one', lines('GET /x HTTP/1.1', 'Host: a.example', ' b.example')),
  refuse('a space before the colon', lines('GET /x HTTP/1.1', 'Host : a.example')),
  ...bothDiffer('RFC 9112 §3.2: a request in HTTP/1.1 must have Host, and what leaves is HTTP/1.1; nginx sends it without.', [
    expecting('none in HTTP/1.0: it gets the address of the backend', lines('GET /x HTTP/1.0'), { answers: [200], connection: 'closed', reaches: [lines('GET /x HTTP/1.1', `Host: ${ORIGIN}`)] }),
  ]),
  ...bad.map((value) => refuse(JSON.stringify(value), host(value))),
  ...bothDiffer('RFC 9112 §3.2: an invalid Host must be answered by 400. Caches and virtual hosts are told apart by it.', badToUs.map((value) => refuse(JSON.stringify(value), host(value)))),
  ...good.map((value) => pass(`${value} is one`, host(value))),
  pass('white space around it', lines('GET /x HTTP/1.1', 'Host: \t a.example \t')),
]);

/** Field lines: rows 9 to 14 and 30 to 34. */
import { bothDiffer, chunked, expecting, first, get, pass, post, refuse, rule, singly, SMUGGLED, type Case } from '../case.ts';

/** Of `0 CRLF CRLF` and the hidden request. */
const LENGTH = `Content-Length: ${SMUGGLED.length + 5}`;
/** A chunked body behind a field line that some read as Transfer-Encoding and some do not. */
function hiddenCoding(line: string): string {
  return post([line, LENGTH], `0\r\n\r\n${SMUGGLED}`);
}

export const fields: readonly Case[] = [
  ...rule(9, 'RFC 9112 §5.1; CVE-2021-22959', [
    refuse('a space before the colon of Content-Length', post(['Content-Length : 5'], 'hello')),
    refuse('a tab before the colon of Content-Length', post(['Content-Length\t: 5'], 'hello')),
    refuse('a space before the colon of Transfer-Encoding', hiddenCoding('Transfer-Encoding : chunked')),
    refuse('a tab before the colon of Transfer-Encoding', hiddenCoding('Transfer-Encoding\t: chunked')),
    refuse('several before the colon of any field', get('A \t : b')),
  ]),
  ...rule(10, 'RFC 9112 §5, RFC 9110 §5.1; CVE-2023-25725, CVE-2021-40346', [
    refuse('no colon', post(['Content-Length 5'], 'hello')),
    refuse('a lone word', get('A')),
    refuse('an empty name', get(': b')),
    refuse('an empty name before the framing', post([': b', 'Content-Length: 5'], 'hello')),
    refuse('NUL in Content-Length', post(['Content\0-Length: 5'], 'hello')),
    ...[['VT before', '\x0bTransfer-Encoding: chunked'], ['FF before', '\x0cTransfer-Encoding: chunked'], ['NUL before', '\0Transfer-Encoding: chunked'], ['obs-text behind', 'Transfer-Encoding\xa0: chunked'], ['VT behind', 'Transfer-Encoding\x0b: chunked'],
      ['quotes around', '"Transfer-Encoding": chunked'], ['a space inside', 'Transfer Encoding: chunked'], ['a dash of UTF-8 inside', 'Transfer\xe2\x80\x90Encoding: chunked'], ['= for the colon', 'Transfer-Encoding= chunked'], ['a bracket before', '(Transfer-Encoding: chunked'],
      ['a slash before', '/Transfer-Encoding: chunked'], ['a comma before', ',Transfer-Encoding: chunked'], ['a semicolon before', ';Transfer-Encoding: chunked'], ['DEL before', '\x7fTransfer-Encoding: chunked']].map(([name, line]) => refuse(`${name} Transfer-Encoding`, hiddenCoding(line!))),
    ...bothDiffer('RFC 9112 §2.2: both take LF for a line end, so what follows is no field of this request.', [refuse('LF CR before Transfer-Encoding', hiddenCoding('\n\rTransfer-Encoding: chunked'))]),
    refuse('a name of 300 bytes that begins as Content-Length (integer overflow)', post([`Content-Length0${'a'.repeat(255)}: `, 'Content-Length: 5', 'Content-Length: 44'], 'hello')),
    pass('underscores make another name, which goes on as it is', post(['Content_Length: 44', 'Content-Length: 5'], 'hello')),
    pass('X-Transfer-Encoding is another name', post(['X-Transfer-Encoding: chunked', 'Content-Length: 5'], 'hello')),
  ]),
  ...rule(11, 'RFC 9112 §5.2 and §2.2; CVE-2022-32215', [
    refuse('folded by a space', get('A: b', ' c')),
    refuse('folded by a tab', get('A: b', '\tc')),
    refuse('the coding on a folded line', hiddenCoding('Transfer-Encoding:\r\n chunked')),
    refuse('the coding goes on in a folded line', hiddenCoding('Transfer-Encoding: chunked\r\n , identity')),
    refuse('a framing field hidden in a fold', post(['A: b', ' Transfer-Encoding: chunked', LENGTH], `0\r\n\r\n${SMUGGLED}`)),
    refuse('Content-Length folded', post(['Content-Length:', ' 5'], 'hello')),
    refuse('a fold as the first field line', first('GET /x HTTP/1.1\r\n A: b')),
    refuse('a tab fold as the first field line', first('GET /x HTTP/1.1\r\n\tA: b')),
    refuse('a line of white space', get('A: b', ' ')),
    refuse('a fold behind the version', first('GET /x\r\n HTTP/1.1')),
  ]),
  ...rule(12, 'RFC 9112 §2.2; CVE-2023-30589', [
    refuse('in a value', get('A: b\rc')),
    refuse('before a framing field', post(['A: b\rTransfer-Encoding: chunked', LENGTH], `0\r\n\r\n${SMUGGLED}`)),
    refuse('in a name', get('A\rB: c')),
    refuse('behind the colon', get('A:\rb')),
    refuse('at the end of a value', get('A: b\r')),
    refuse('in the target', first('GET /a\rb HTTP/1.1')),
    refuse('in the version', first('GET /x HTTP/1.1\rA: b')),
    refuse('as the only line ends', 'GET /x HTTP/1.1\rHost: a.example\r\r'),
    refuse('before the empty line', 'GET /x HTTP/1.1\r\nHost: a.example\r\n\r\r\n'),
    refuse('before the request line', `\r${get()}`),
    refuse('two before LF', 'GET /x HTTP/1.1\r\r\nHost: a.example\r\n\r\n'),
  ]),
  ...rule(13, 'RFC 9112 §2.2; CVE-2022-32214', [
    ...bothDiffer('RFC 9112 §2.2: LF alone may be taken for a line end, and need not be. Who takes it and who does not see two messages (CVE-2022-32214); nobody who is honest sends it.', [
      refuse('behind the request line', 'GET /x HTTP/1.1\nHost: a.example\r\n\r\n'),
      refuse('behind a field', 'GET /x HTTP/1.1\r\nHost: a.example\nA: b\r\n\r\n'),
      refuse('as the empty line', 'GET /x HTTP/1.1\r\nHost: a.example\r\n\n'),
      refuse('everywhere', 'GET /x HTTP/1.1\nHost: a.example\n\n'),
      refuse('before the request line', `\n${get()}`),
      refuse('two of them end the head and a request follows', `GET /x HTTP/1.1\r\nHost: a.example\r\nA: b\n\n${SMUGGLED}`),
      refuse('behind a field, byte by byte', singly('GET /x HTTP/1.1\r\nHost: a.example\nA: b\r\n\r\n')),
    ]),
    refuse('before a framing field', post(['A: b\nTransfer-Encoding: chunked', LENGTH], `0\r\n\r\n${SMUGGLED}`)),
    refuse('LF CR', 'GET /x HTTP/1.1\n\rHost: a.example\n\r\n\r'),
  ]),
  ...rule(14, 'RFC 9112 §2.2; CVE-2025-23167', [
    refuse('between fields', 'GET /x HTTP/1.1\r\nHost: a.example\r\n\rTransfer-Encoding: chunked\r\n\r\n'),
    refuse('in place of the empty line', `GET /x HTTP/1.1\r\nHost: a.example\r\n\rX${SMUGGLED}`),
    refuse('behind the request line', 'GET /x HTTP/1.1\r\n\rHost: a.example\r\n\r\n'),
  ]),
  ...rule(30, 'RFC 9110 §5.5', [
    ...[['NUL', '\0'], ['CR', '\r'], ['LF', '\n'], ['CRLF and no field', '\r\nb']].map(([name, byte]) => refuse(`${name} in a value`, get(`A: b${byte}c`))),
    ...bothDiffer('RFC 9110 §5.5: these are no field content. It lets a reader keep them in a safe context, and nobody here knows the context: logs and terminals are none.', [['BEL', '\x07'], ['BS', '\b'], ['VT', '\x0b'], ['FF', '\x0c'], ['ESC', '\x1b'], ['DEL', '\x7f']].map(([name, byte]) => refuse(`${name} in a value`, get(`A: b${byte}c`)))),
    refuse('NUL at the end of a value', get('A: b\0')),
    pass('tab and obs-text stay', get('A: b\tc\xe9\xff')),
    pass('an empty value stays', get('A:')),
    pass('UTF-8 stays, and no byte of it is a line end to us', get('A: \xe5\x98\x8a\xe5\x98\x8d')),
  ]),
  ...rule(31, 'RFC 9110 §5.1 and §5.6.2', [
    ...['A B', 'A(B', 'A)B', 'A/B', 'A@B', 'A[B', 'A]B', 'A{B', 'A}B', 'A<B', 'A=B', 'A?B', 'A;B', 'A,B', 'A\\B', 'A"B', 'h\xe9', '\xff'].map((name) => refuse(JSON.stringify(name), get(`${name}: c`))),
    pass('all bytes of a token', get("!#$%&'*+-.^_`|~aZ09: b")),
    pass('a colon in the value', get('A: b:c: d')),
  ]),
  ...rule(32, 'RFC 9112 §3', [
    pass('a target of 8,000 bytes', first(`GET /${'a'.repeat(7_999)} HTTP/1.1`)),
    pass('a cookie of 4 KiB', get(`Cookie: a=${'b'.repeat(4_096)}`)),
    pass('50 fields', get(...Array.from({ length: 50 }, (_, i) => `A-${i}: ${i}`))),
    pass('a name of 255 bytes', get(`${'a'.repeat(255)}: b`)),
  ]),
  ...rule(33, 'RFC 6585 §5, RFC 9112 §3, RFC 9110 §15.5.15', [
    refuse('a target of 100,000 bytes', first(`GET /${'a'.repeat(100_000)} HTTP/1.1`), 414),
    refuse('a target without end', `GET /${'a'.repeat(70_000)}`, 414),
    refuse('a value of 100,000 bytes', get(`A: ${'b'.repeat(100_000)}`), 431),
    refuse('a name of 100,000 bytes', get(`${'a'.repeat(100_000)}: b`), 431),
    refuse('10,000 fields', get(...Array.from({ length: 10_000 }, (_, i) => `A-${i}: b`)), 431),
    refuse('a target of 8,193 bytes', first(`GET /${'a'.repeat(8_192)} HTTP/1.1`), 414),
    pass('a target of 8,192 bytes', first(`GET /${'a'.repeat(8_191)} HTTP/1.1`)),
    pass('100 fields', get(...Array.from({ length: 99 }, (_, i) => `A-${i}: b`))),
    refuse('a fault behind the limit is not looked for', get(`A: ${'b'.repeat(32_768)}`, 'no colon'), 431),
    refuse('a fault before the limit counts', get('no colon', `A: ${'b'.repeat(32_768)}`)),
    refuse('of two faults the first: too many fields behind an expectation', get('Expect: x', ...Array.from({ length: 200 }, () => 'A: b')), 417),
    refuse('101 fields', get(...Array.from({ length: 100 }, () => 'A: b')), 431),
    refuse('a field section without end', `GET /x HTTP/1.1\r\nHost: a.example\r\n${'A: b\r\n'.repeat(12_000)}`, 431),
    refuse('a value without end', `GET /x HTTP/1.1\r\nHost: a.example\r\nA: ${'b'.repeat(70_000)}`, 431),
    refuse('a method without end', 'M'.repeat(70_000)),
    ...bothDiffer('RFC 9112 §9.6: who will not read a body closes. nginx reads and drops it, HAProxy has no such limit in a plain config.', [refuse('a body that is announced as 1 TB', post(['Content-Length: 1000000000000'], 'x'), 413)]),
    refuse('a body over the limit of 1,000 bytes', post(['Content-Length: 1001'], 'x'.repeat(1_001)), 413),
    refuse('chunks over the limit', chunked(`3e9\r\n${'x'.repeat(1_001)}\r\n0\r\n\r\n`), 413),
    expecting('chunks over the limit, of which a part was forwarded', [chunked('5\r\nhello\r\n'), `3e8\r\n${'x'.repeat(1_000)}\r\n0\r\n\r\n`], {
      answers: [413], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }],
    }),
    pass('a body of 1,000 bytes', post(['Content-Length: 1000'], 'x'.repeat(1_000))),
  ]),
  ...rule(34, 'RFC 9112 §2.2', [
    pass('one empty line', `\r\n${get()}`, get()),
    pass('two empty lines', `\r\n\r\n${get()}`, get()),
    ...bothDiffer('RFC 9112 §2.2: at least one should be skipped; two are, and whoever sends more sends no requests.', [refuse('three empty lines', `\r\n\r\n\r\n${get()}`)]),
    refuse('20,000', '\r\n'.repeat(20_000)),
    refuse('20,000, and a request', '\r\n'.repeat(20_000) + get()),
    pass('one behind a body, as old clients send it', post(['Content-Length: 5'], 'hello\r\n'), post(['Content-Length: 5'], 'hello')),
  ]),
];

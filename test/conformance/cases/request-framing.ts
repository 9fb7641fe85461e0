/** How long a request is: rows 1 to 8, 21 and 22. */
import { bothDiffer, chunked, expecting, get, lines, pass, post, refuse, rule, SMUGGLED, type Case } from '../case.ts';

const HELLO = '5\r\nhello\r\n0\r\n\r\n';
const lengths: readonly (readonly [name: string, value: string])[] = [
  ['a plus sign', '+5'], ['a minus sign', '-5'], ['minus zero', '-0'], ['hexadecimal', '0x5'], ['octal in the style of programs', '0o5'], ['a fraction', '5.0'], ['an exponent', '5e0'],
  ['a space inside', '5 5'], ['a tab inside', '5\t5'], ['quotes', '"5"'], ['apostrophes', "'5'"], ['letters', 'five'], ['a letter behind', '5b'], ['an underscore', '1_0'], ['a parameter', '5;a=b'],
  ['NUL behind', '5\0'], ['VT before', '\x0b5'], ['FF behind', '5\x0c'], ['a no-break space', '\xa05'], ['a superscript digit', '\xb2'], ['a full-width digit in UTF-8', '\xef\xbc\x95'],
  ['2^63', '9223372036854775808'], ['2^64 + 5', '18446744073709551621'], ['thirty digits', '9'.repeat(30)], ['nothing', ''], ['white space alone', ' \t '],
  ['a comma alone', ','], ['a comma behind', '5,'], ['NaN', 'NaN'], ['Infinity', 'Infinity'], ['a bracket', '(5)'],
];
const codings: readonly (readonly [name: string, value: string, status: number])[] = [
  ['nothing', '', 400], ['white space alone', ' \t', 400], ['quotes', '"chunked"', 400], ['a parameter', 'chunked;q=1', 400], ['a NUL in it', 'chun\0ked', 400], ['VT before', '\x0bchunked', 400],
  ['VT behind', 'chunked\x0b', 400], ['FF before', '\x0cchunked', 400], ['obs-text behind', 'chunked\xff', 400], ['a no-break space before', '\xa0chunked', 400], ['an empty element before', ', chunked', 400],
  ['an empty element behind', 'chunked,', 400], ['two words', 'chunked chunked', 400], ['a word behind', 'chunked x', 400], ['a colon before', ': chunked', 400], ['chunk', 'chunk', 501], ['chunkedd', 'chunkedd', 501],
  ['xchunked', 'xchunked', 501], ['x-chunked', 'x-chunked', 501], ['identity', 'identity', 501], ['identity behind', 'chunked, identity', 501], ['identity before', 'identity, chunked', 501],
  ['gzip alone', 'gzip', 501], ['gzip behind', 'chunked, gzip', 501], ['cow', 'cow', 501], ['dotless', 'chun\xc4\xb1ked', 400],
];

export const requestFraming: readonly Case[] = [
  ...rule(1, 'RFC 9112 §6.3, RFC 9110 §8.6; CVE-2023-40225', [
    ...lengths.map(([name, value]) => refuse(`Content-Length is ${name}`, post([`Content-Length: ${value}`], 'hello'))),
    ...bothDiffer('RFC 9110 §8.6: overflow must be prevented. They count to 2^63; 2^53 is the first number that a reader with doubles takes for another, and no body is of that size.', [
      refuse('Content-Length is 2^53', post(['Content-Length: 9007199254740992'], 'hello')),
    ]),
    refuse('Content-Length is nothing, and a request stands where the body would', post(['Content-Length:'], SMUGGLED)),
  ]),
  ...rule(2, 'RFC 9112 §6.3', [
    refuse('two that differ, the shorter first', post(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED)),
    refuse('two that differ, the longer first', post([`Content-Length: ${SMUGGLED.length}`, 'Content-Length: 0'], SMUGGLED)),
    refuse('two that differ, far apart and in other capitals', post(['content-length: 5', 'A: b', 'CONTENT-LENGTH: 6'], 'hello')),
    refuse('three, the last one other', post(['Content-Length: 5', 'Content-Length: 5', 'Content-Length: 6'], 'hello')),
    refuse('a list of two that differ', post(['Content-Length: 5, 6'], 'hello')),
    refuse('a good one and a bad one', post(['Content-Length: 5', 'Content-Length: +5'], 'hello')),
    refuse('a good one and an empty one', post(['Content-Length: 5', 'Content-Length:'], 'hello')),
  ]),
  ...rule(3, 'RFC 9112 §6.3, RFC 9110 §8.6', [
    pass('the same twice goes on as one', post(['Content-Length: 5', 'Content-Length: 5'], 'hello'), post(['Content-Length: 5'], 'hello')),
    pass('the same number in two spellings goes on as one', post(['Content-Length: 5', 'A: b', 'content-length: 005'], 'hello'), post(['A: b', 'Content-Length: 5'], 'hello')),
    refuse('a list of the same: a list is no number', post(['Content-Length: 5, 5'], 'hello')),
  ]),
  ...rule(4, 'RFC 9110 §8.6 and §5.5', [
    pass('010 is ten', post(['Content-Length: 010'], 'helloworld'), post(['Content-Length: 10'], 'helloworld')),
    pass('many zeros', post([`Content-Length: ${'0'.repeat(50)}5`], 'hello'), post(['Content-Length: 5'], 'hello')),
    pass('white space around', post(['Content-Length:\t 5 \t'], 'hello'), post(['Content-Length: 5'], 'hello')),
    pass('none before', post(['Content-Length:5'], 'hello'), post(['Content-Length: 5'], 'hello')),
    pass('zero', post(['Content-Length: 0'], '')),
    pass('no length is no body', post([], ''), post([], '')),
    expecting('what follows the body is the next request', post(['Content-Length: 5'], 'hello') + get(), { answers: [200, 200], connection: 'kept', reaches: [post(['Content-Length: 5'], 'hello'), get()] }),
  ]),
  ...rule(5, 'RFC 9112 §6.1 and §6.3; CVE-2022-32213, CVE-2022-32215', [
    ...codings.map(([name, value, status]) => refuse(`Transfer-Encoding is ${name}`, chunkedBy(value, HELLO), status)),
    pass('capitals and white space are chunked still', chunkedBy('\tChUnKeD \t', HELLO), chunked(HELLO)),
  ]),
  ...rule(6, 'RFC 9112 §6.1; CVE-2020-8287', [
    refuse('gzip, then chunked', chunkedBy('gzip, chunked', HELLO), 501),
    refuse('of two faults the first: a line without colon behind gzip', post(['Transfer-Encoding: gzip', 'X'], HELLO), 501),
    refuse('of two faults the first: gzip behind a line without colon', post(['X', 'Transfer-Encoding: gzip'], HELLO)),
    refuse('of two faults the first: a coding behind a version', lines('POST /x HTTP/3.0', 'Transfer-Encoding: gzip') + HELLO, 505),
    refuse('chunked twice in one field', chunkedBy('chunked, chunked', HELLO)),
    refuse('chunked twice with gzip between', chunkedBy('chunked, gzip, chunked', HELLO)),
    refuse('two fields, both chunked', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], HELLO)),
    refuse('two fields, identity behind', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], HELLO)),
    refuse('two fields, identity before', post(['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], HELLO), 501),
    refuse('two fields, an unknown coding behind', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: x'], HELLO)),
    refuse('two fields, an empty one behind', post(['Transfer-Encoding: chunked', 'Transfer-Encoding:'], HELLO)),
    refuse('two fields that differ in capitals', post(['Transfer-Encoding: chunked', 'TRANSFER-ENCODING: cow'], HELLO)),
  ]),
  ...rule(7, 'RFC 9112 §6.1 and §6.3', [
    refuse('CL.TE: the length covers more than the chunks', post([`Content-Length: ${SMUGGLED.length + 5}`, 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`)),
    refuse('TE.CL: the chunks cover more than the length', post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`)),
    refuse('both agree', post(['Transfer-Encoding: chunked', 'Content-Length: 15'], HELLO)),
    refuse('Content-Length of 0', post(['Content-Length: 0', 'Transfer-Encoding: chunked'], HELLO)),
    refuse('Content-Length beside an empty Transfer-Encoding', post(['Transfer-Encoding:', 'Content-Length: 5'], 'hello')),
    refuse('Content-Length beside Transfer-Encoding: identity', post(['Transfer-Encoding: identity', 'Content-Length: 5'], 'hello'), 501),
    refuse('far apart', post(['Content-Length: 5', ...Array.from({ length: 30 }, (_, i) => `A-${i}: b`), 'Transfer-Encoding: chunked'], HELLO)),
    refuse('on GET', get('Content-Length: 15', 'Transfer-Encoding: chunked') + HELLO),
  ]),
  ...rule(8, 'RFC 9112 §6.1; CVE-2026-2835', [
    refuse('chunked', lines('POST /x HTTP/1.0', 'Host: a.example', 'Transfer-Encoding: chunked') + HELLO),
    refuse('chunked, and the connection is to be kept', lines('POST /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive', 'Transfer-Encoding: chunked') + HELLO),
    refuse('chunked beside Content-Length', lines('POST /x HTTP/1.0', 'Host: a.example', 'Content-Length: 5', 'Transfer-Encoding: chunked') + HELLO),
    refuse('gzip', lines('POST /x HTTP/1.0', 'Host: a.example', 'Transfer-Encoding: gzip') + HELLO),
  ]),
  ...rule(21, 'RFC 9110 §7.6.1; CVE-2026-26365', bothDiffer('RFC 9110 §7.6.1: no sender may name these. Both forward it, HAProxy with the Connection field: whoever obeys that loses the framing. Only an attacker writes it.', [
    refuse('Connection names Transfer-Encoding', chunked(HELLO, 'Connection: Transfer-Encoding')),
    refuse('Connection names transfer-encoding and keep-alive', chunked(HELLO, 'Connection: keep-alive, transfer-encoding')),
    refuse('Connection names Content-Length', post(['Content-Length: 5', 'Connection: content-length'], 'hello')),
    refuse('Connection names Content-Length, and stands first', post(['Connection: close, Content-Length', 'Content-Length: 5'], 'hello')),
    refuse('Connection names Content-Length in a second field', post(['Connection: close', 'Connection: Content-Length', 'Content-Length: 5'], 'hello')),
    refuse('Connection names Host', get('Connection: Host')),
  ])),
  ...rule(22, 'RFC 9110 §9.3.1; CL.0 and TE.0', [
    ...['GET', 'DELETE', 'OPTIONS', 'TRACE', 'PUT', 'PATCH', 'HEAD', 'FOO'].flatMap((method) => [
      pass(`${method} with a length`, bodyOn(method, [`Content-Length: ${SMUGGLED.length}`], SMUGGLED)),
      pass(`${method} in chunks`, bodyOn(method, ['Transfer-Encoding: chunked'], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`)),
    ]),
    expecting('GET with a body, then the next request', bodyOn('GET', [`Content-Length: ${SMUGGLED.length}`], SMUGGLED) + get(), {
      answers: [200, 200], connection: 'kept', reaches: [bodyOn('GET', [`Content-Length: ${SMUGGLED.length}`], SMUGGLED), get()],
    }),
  ]),
];

function bodyOn(method: string, fields: readonly string[], body: string): string {
  return lines(`${method} /x HTTP/1.1`, 'Host: a.example', ...fields) + body;
}

function chunkedBy(value: string, body: string): string {
  return post([`Transfer-Encoding: ${value}`], body);
}

/** Chunked request bodies: rows 15 to 20. */
import { bothDiffer, chunked, expecting, get, pass, post, refuse, rule, SMUGGLED, type Case } from '../case.ts';

const END = '0\r\n\r\n';
const HELLO = `5\r\nhello\r\n${END}`;
/** `hello` behind this chunk line. */
function withLine(line: string): string {
  return chunked(`${line}\r\nhello\r\n${END}`);
}
const sizes: readonly (readonly [name: string, line: string])[] = [
  ['0x', '0x5'], ['a plus sign', '+5'], ['a minus sign', '-5'], ['an underscore behind', '5_'], ['an underscore inside', '0_5'], ['a space before', ' 5'], ['VT behind', '5\x0b'], ['NUL behind', '5\0'], ['nothing', ''], ['an extension alone', ';a=b'], ['no hexadecimal digit', 'g'], ['a letter behind', '5g'], ['a comma', '5,5'],
  ['quotes', '"5"'], ['a dot', '5.0'], ['2^53', '20000000000000'], ['2^64', '10000000000000000'], ['2^64 + 5', '10000000000000005'], ['2^32 times itself', `1${'0'.repeat(32)}`],
  ['a full-width digit', '\xef\xbc\x95'], ['obs-text', '5\xff'],
];
/** What stands behind the size of a chunk, and is no extension. */
const noExtensions = [';', ';;a', ';=b', ';a=', ';a=;b', ';a b', '; a', ';a ', ';a= b', ';a =b', ';a="b', ';a="b"c', ';a="b" ', ';a=b"c"', ';a="\\', ';a="\x7f"', ';a="\\\0"', ';\xe9', ';a=\xe9'];
const trailers: readonly (readonly [name: string, line: string])[] = [
  ['Content-Length', 'Content-Length: 44'], ['Transfer-Encoding', 'Transfer-Encoding: gzip'], ['Host', 'Host: evil.example'], ['Connection', 'Connection: close'], ['Authorization', 'Authorization: Basic eDp5'],
  ['Cookie', 'Cookie: a=b'], ['X-Forwarded-For', 'X-Forwarded-For: 1.2.3.4'], ['X_Forwarded_For', 'X_Forwarded_For: 1.2.3.4'], ['Expect', 'Expect: 100-continue'], ['Content-Type', 'Content-Type: text/html'], ['Upgrade', 'Upgrade: h2c'], ['TE', 'TE: trailers'], ['Trailer', 'Trailer: X'],
];

export const chunks: readonly Case[] = [
  ...rule(15, 'RFC 9112 §7.1; CVE-2023-47627', [
    ...sizes.map(([name, line]) => refuse(`size with ${name}`, withLine(line))),
    ...bothDiffer('RFC 9112 §7.1 has no white space behind a size; the BWS of §7.1.1 before an extension nobody sends, and readers who differ in it were a way to smuggle (CVE-2023-47627).', [['a space behind', '5 '], ['a tab behind', '5\t'], ['a space before the extension', '5 ;a=b']].map(([name, line]) => refuse(`size with ${name}`, withLine(line!)))),
    ...bothDiffer('RFC 9112 §7.1.1: what a chunk line may cost is bounded; a line has 256 bytes.', [refuse('size with 300 zeros and 5', withLine(`${'0'.repeat(300)}5`))]),
    refuse('a second size that is none', chunked(`5\r\nhello\r\n+5\r\nhello\r\n${END}`)),
    expecting('a bad size behind what was forwarded: the connection to the backend is dropped', [chunked('5\r\nhello\r\n'), `x\r\nhello\r\n${END}`], {
      answers: [400], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }],
    }),
    pass('capitals, small letters and zeros are one number', chunked(`00A\r\nhelloworld\r\n00a\r\nhelloworld\r\n${END}`), chunked(`14\r\nhelloworldhelloworld\r\n${END}`)),
  ]),
  ...rule(16, 'RFC 9112 §7.1 and §2.2; CVE-2025-22871, CVE-2025-55315', [
    ...bothDiffer('RFC 9112 §2.2 allows LF alone in the head, not in chunk lines (§7.1); readers who skip to LF, or to CRLF, find two ends of one body.', [
      refuse('LF ends the size', chunked(`5\nhello\r\n${END}`)),
      refuse('LF ends the last size', chunked('5\r\nhello\r\n0\n\r\n')),
      refuse('LF ends the data', chunked(`5\r\nhello\n${END}`)),
      refuse('LF is the empty line', chunked('5\r\nhello\r\n0\r\n\n')),
      refuse('TERM.EXT: LF in an extension', chunked(`5;\nhello\r\n${END}`)),
      refuse('EXT.TERM: LF in an extension hides a request', chunked(`2;\nxx\r\n${(SMUGGLED.length + 5).toString(16)}\r\n0\r\n\r\n${SMUGGLED}\r\n${END}`)),
    ]),
    ...bothDiffer('RFC 9112 §7.1.1: an extension is of tokens and quoted strings, and readers who skip it in different ways find two ends of one line.', [
      refuse('NUL in an extension', chunked(`5;a\0b\r\nhello\r\n${END}`)),
      ...noExtensions.map((extension) => refuse(`${JSON.stringify(extension)} is no extension`, withLine(`5${extension}`))),
    ]),
    refuse('LF in the extension of the last chunk', chunked('5\r\nhello\r\n0;a\nb\r\n\r\n')),
    refuse('CR ends the size', chunked(`5\rhello\r\n${END}`)),
    refuse('CR and another byte end the size', chunked(`5\rXhello\r\n${END}`)),
    refuse('two CR before LF', chunked(`5\r\r\nhello\r\n${END}`)),
    refuse('another byte and LF end the data', chunked(`5\r\nhelloX\n${END}`)),
    refuse('CR and another byte are the empty line', chunked(`5\r\nhello\r\n0\r\n\rX${SMUGGLED}`)),
    refuse('CR ends the data', chunked(`5\r\nhello\r${END}`)),
    refuse('LF in the value of an extension', chunked(`5;a=b\nc\r\nhello\r\n${END}`)),
    refuse('LF in quotes', chunked(`5;a="\n"\r\nhello\r\n${END}`)),
    refuse('CR in an extension', chunked(`5;a\rb\r\nhello\r\n${END}`)),
    refuse('CR at the end of an extension', chunked(`5;a\rhello\r\n${END}`)),
  ]),
  ...rule(17, 'RFC 9112 §7.1; CVE-2025-43859', [
    refuse('one byte more than the size', chunked(`5\r\nhello!\r\n${END}`)),
    refuse('two bytes more, which some skip as the CRLF', chunked(`5\r\nhelloXX${END}`)),
    ...bothDiffer('RFC 9112 §7.1: data is followed by CRLF. Both take the CR for data and the LF for its end.', [refuse('one byte less', chunked(`6\r\nhello\r\n${END}`))]),
    refuse('no CRLF behind the data', chunked('5\r\nhello0\r\n\r\n')),
    refuse('LF CR behind the data', chunked(`5\r\nhello\n\r${END}`)),
    refuse('an empty line too many', chunked(`5\r\nhello\r\n\r\n${END}`)),
    refuse('a request where the data should end', chunked(`5\r\nhello${SMUGGLED}`)),
    pass('CRLF in the data is data', chunked(`4\r\n\r\n\r\n\r\n${END}`)),
    pass('a last chunk in the data is data', chunked(`5\r\n0\r\n\r\n\r\n${END}`)),
  ]),
  ...rule(18, 'RFC 9112 §7.1.1; CVE-2023-39326, CVE-2024-22019', [
    pass('an extension is dropped', withLine('5;a=b;c="d e";f'), chunked(HELLO)),
    pass('an extension of the last chunk is dropped', chunked('5\r\nhello\r\n0;a=b\r\n\r\n'), chunked(HELLO)),
    pass('a line of 256 bytes', withLine(`5;${'a'.repeat(252)}`), chunked(HELLO)),
    ...bothDiffer('RFC 9112 §7.1.1: a recipient ought to limit extensions: they cost the reader and serve nobody (CVE-2023-39326, CVE-2024-22019).', [
      refuse('a line of 257 bytes', withLine(`5;${'a'.repeat(253)}`)),
      refuse('300 bytes of extension', withLine(`5;${'a'.repeat(300)}`)),
      refuse('an extension without end', chunked(`5;${'a'.repeat(1_000)}`)),
      refuse('many chunks of one byte with long extensions', chunked(`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(100) + END)),
    ]),
    refuse('64 KiB of extension', withLine(`5;${'a'.repeat(65_536)}`)),
    refuse('a quoted CRLF', withLine('5;a="\r\n"')),
  ]),
  ...rule(19, 'RFC 9110 §6.5.1, RFC 9112 §7.1.2', [
    pass('a trailer goes on as a trailer', chunked('5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n')),
    ...trailers.map(([name, line]) => pass(`${name} does not`, chunked(`5\r\nhello\r\n0\r\n${line}\r\nX-Checksum: 1\r\n\r\n`), chunked('5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n'))),
    ...bothDiffer('RFC 9112 §5 and §7.1.2: trailers are field lines, with the grammar and the limits of those. nginx reads and drops them, HAProxy passes them on in part.', [
      refuse('NUL in a trailer', chunked('5\r\nhello\r\n0\r\nX: \0\r\n\r\n')),
      refuse('LF ends a trailer', chunked('5\r\nhello\r\n0\r\nX: 1\n\r\n')),
      refuse('a folded trailer', chunked('5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n')),
      refuse('a space before the colon', chunked('5\r\nhello\r\n0\r\nX : 1\r\n\r\n')),
      refuse('9,000 bytes of trailers', chunked(`5\r\nhello\r\n0\r\nX: ${'1'.repeat(9_000)}\r\n\r\n`), 431),
      refuse('65 trailers', chunked(`5\r\nhello\r\n0\r\n${'X: 1\r\n'.repeat(65)}\r\n`), 431),
    ]),
    pass('64 trailers', chunked(`5\r\nhello\r\n0\r\n${'X: 1\r\n'.repeat(64)}\r\n`)),
    refuse('a trailer without colon', chunked('5\r\nhello\r\n0\r\nX\r\n\r\n')),
    refuse('a bare CR in a trailer', chunked('5\r\nhello\r\n0\r\nX: 1\r2\r\n\r\n')),
    refuse('a request where trailers stand', chunked(`5\r\nhello\r\n0\r\n${SMUGGLED}`)),
    expecting('what follows the trailers is the next request', chunked('5\r\nhello\r\n0\r\nX: 1\r\n\r\n') + get(), {
      answers: [200, 200], connection: 'kept', reaches: [chunked('5\r\nhello\r\n0\r\nX: 1\r\n\r\n'), get()],
    }),
  ]),
  ...rule(20, 'RFC 9112 §8', (['fin', 'reset'] as const).flatMap((end) => [
    expecting(`Content-Length of 10, five bytes, then ${end}`, [post(['Content-Length: 10'], 'hello'), { end }], {
      answers: [], connection: 'closed', reaches: [{ cut: post(['Content-Length: 10'], 'hello') }],
    }),
    expecting(`half a chunk, then ${end}`, [chunked('a\r\nhello'), { end }], { answers: [], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }] }),
    expecting(`no last chunk, then ${end}`, [chunked('5\r\nhello\r\n'), { end }], { answers: [], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }] }),
    expecting(`no empty line behind the trailers, then ${end}`, [chunked('5\r\nhello\r\n0\r\nX: 1\r\n'), { end }], { answers: [], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }] }),
    expecting(`half a head, then ${end}`, ['POST /x HTTP/1.1\r\nHost: a.exa', { end }], { answers: [], connection: 'closed', reaches: [] }),
  ])),
];

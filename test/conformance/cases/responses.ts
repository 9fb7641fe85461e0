/** What the origin sends: rows 35, 46 to 51. A malformed response is a 502, and what was begun and broke off can be seen to have. */
import { bothDiffer, expecting, get, lines, OK, post, rule, singly, SMUGGLED, type Case, type CaseOfRule, type Expectation, type Part } from '../case.ts';

type Response = string | readonly Part[];
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
const HEAD = lines('HEAD /x HTTP/1.1', 'Host: a.example');

/** This response to a GET. */
function to(name: string, response: Response, expect: Partial<Expectation> = {}): CaseOfRule {
  return expecting(name, get(), { answers: [200], connection: 'kept', reaches: [get()], ...expect }, { origin: { answers: [response] } });
}
/** It is a 502. */
function bad(name: string, response: Response): CaseOfRule {
  return to(name, response, { answers: [502], dropsUpstream: true });
}
/** It begins well: then the client must see that it is broken off. */
function broken(name: string, response: Response): CaseOfRule {
  return to(name, response, { answers: ['200 cut'], connection: 'reset', dropsUpstream: true });
}
/** As it came, or as `client` says. */
function good(name: string, response: string, client = response): CaseOfRule {
  return to(name, response, { answers: [Number(response.slice(9, 12))], client });
}
/** As `good`, but bytes follow that nobody asked for. */
function surplus(name: string, response: string, client: string): CaseOfRule {
  return to(name, response, { answers: [Number(response.slice(9, 12))], client, dropsUpstream: true });
}
function ok(...fields: readonly string[]): string {
  return lines('HTTP/1.1 200 OK', ...fields);
}
function okInChunks(body: string): string {
  return ok('Transfer-Encoding: chunked') + body;
}
const HELLO = '5\r\nhello\r\n0\r\n\r\n';

export const responses: readonly Case[] = [
  ...rule(35, 'RFC 9110 §7.6.1', [
    ...bothDiffer('RFC 9110 §7.6.1: of this hop alone; it must be removed in both directions.', [
      good('fields that Connection names', ok('Connection: X-Inner', 'X-Inner: secret', 'A: b', 'Content-Length: 0'), ok('A: b', 'Content-Length: 0')),
      good('Keep-Alive and Proxy-Connection alone', ok('Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'A: b', 'Content-Length: 0'), ok('A: b', 'Content-Length: 0')),
      good('Upgrade alone', ok('Upgrade: h2c', 'A: b', 'Content-Length: 0'), ok('A: b', 'Content-Length: 0')),
      good('Proxy-Authenticate', ok('Proxy-Authenticate: Basic', 'A: b', 'Content-Length: 0'), ok('A: b', 'Content-Length: 0')),
    ]),
    good('Connection: close is for us: the client keeps its own', ok('Connection: close', 'Content-Length: 2') + 'ok', OK),
    good('trailers that Connection may name go no further', ok('Connection: X-Inner', 'Transfer-Encoding: chunked') + '5\r\nhello\r\n0\r\nX-Inner: secret\r\n\r\n', okInChunks(HELLO)),
    good('several fields of one name stay in order', ok('Set-Cookie: a=1', 'Set-Cookie: b=2', 'Content-Length: 0')),
  ]),
  ...rule(46, 'RFC 9112 §6.3, §4 and §7.1', [
    ...bothDiffer('RFC 9112 §5 and §7.1.2: trailers are field lines. nginx and HAProxy drop them unread.', [
      bad('a folded trailer', okInChunks('5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n')),
      broken('a bad trailer behind a good chunk', [okInChunks('5\r\nhello\r\n'), '0\r\nX : 1\r\n\r\n']),
    ]),
    ...bothDiffer('RFC 9112 §6.1: HTTP/1.0 has no Transfer-Encoding; with it, framing is to be taken for faulty.', [
      bad('Transfer-Encoding in HTTP/1.0', lines('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked') + HELLO),
    ]),
    ...bothDiffer('RFC 9112 §2.2 and §7.1: CRLF. A backend that sends LF is malformed, and the client may read it in another way than we do.', [
      bad('LF behind a chunk size', okInChunks('5\nhello\r\n0\r\n\r\n')),
      bad('LF in a chunk extension', okInChunks('5;\nhello\r\n0\r\n\r\n')),
      bad('LF behind the status line', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'),
      bad('LF as the empty line', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok'),
      bad('an empty line before it', `\r\n${OK}`),
    ]),
    ...bothDiffer('RFC 9110 §7.6.1: no sender may name these; they would be gone at whoever obeys.', [
      bad('Connection names Content-Length', `${ok('Connection: Content-Length', 'Content-Length: 2')}ok`),
      bad('Connection names Transfer-Encoding', ok('Connection: Transfer-Encoding', 'Transfer-Encoding: chunked') + HELLO),
    ]),
    bad('two lengths that differ', ok('Content-Length: 2', 'Content-Length: 3') + 'ok'),
    bad('a list of lengths', ok('Content-Length: 2, 3') + 'ok'),
    ...['+2', '-2', '0x2', '2.0', '2 2', '"2"', 'two', '', '2\0', '9'.repeat(30)].map((value) => bad(`Content-Length is ${JSON.stringify(value)}`, `${ok(`Content-Length: ${value}`)}ok`)),
    ...bothDiffer('RFC 9110 §8.6: overflow must be prevented; beyond 2^53 a reader with doubles takes another number.', ['9007199254740992', '18446744073709551618'].map((value) => bad(`Content-Length is ${value}`, `${ok(`Content-Length: ${value}`)}ok`))),
    good('the same length twice', `${ok('Content-Length: 2', 'Content-Length: 02')}ok`, OK),
    ...['gzip', 'identity', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'xchunked', '"chunked"', 'chunked;q=1'].map((value) => bad(`Transfer-Encoding is ${JSON.stringify(value)}`, ok(`Transfer-Encoding: ${value}`) + HELLO)),
    ...bothDiffer('RFC 9112 §6.1 and §7.1: nothing is no coding, and no white space follows a size.', [
      bad('an empty Transfer-Encoding', ok('Transfer-Encoding:') + HELLO),
      bad('a space behind a chunk size', okInChunks('5 \r\nhello\r\n0\r\n\r\n')),
    ]),
    bad('Transfer-Encoding twice', ok('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + HELLO),
    ...['0x5', '+5', '', 'g', ' 5', '10000000000000005'].map((size) => bad(`chunk size ${JSON.stringify(size)}`, okInChunks(`${size}\r\nhello\r\n0\r\n\r\n`))),
    bad('a chunk that is longer than it says', okInChunks('5\r\nhello!\r\n0\r\n\r\n')),
    broken('a bad chunk behind a good one', [okInChunks('5\r\nhello\r\n'), 'x\r\nhello\r\n0\r\n\r\n']),
    good('chunk extensions are dropped', okInChunks('5;a=b\r\nhello\r\n0;c\r\n\r\n'), okInChunks(HELLO)),
    good('a trailer goes on', okInChunks('5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n')),
    good('a trailer that may not be one does not', okInChunks('5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\n'), okInChunks(HELLO)),
    ...['http/1.1 200 OK', 'HTTP/1.1 600 Odd', 'HTTP/1.1 2x0 OK', ' HTTP/1.1 200 OK', 'HTTP/1.1200 OK', 'HTTP/1.1 200 O\rK', 'ICY 200 OK', 'SSH-2.0-OpenSSH_9.2', '<html>'].map(
      (line) => bad(`status line ${JSON.stringify(line)}`, lines(line, 'Content-Length: 2') + 'ok'),
    ),
    ...bothDiffer('RFC 9112 §4: HTTP/1.1, one space, three digits from 100 to 599 (RFC 9110 §15). A response that is none may come from anything, and its framing is anybody’s guess.', [
      'HTTP/2.0 200 OK', 'HTTP/1.2 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.1 000 Odd', 'HTTP/1.1 099 Odd', 'HTTP/1.1 20 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200 O\0K',
    ].map((line) => bad(`status line ${JSON.stringify(line)}`, lines(line, 'Content-Length: 2') + 'ok'))),
    good('a status line without a reason', lines('HTTP/1.1 200 ', 'Content-Length: 0')),
    good('a status line without reason and space', lines('HTTP/1.1 200', 'Content-Length: 0'), lines('HTTP/1.1 200 ', 'Content-Length: 0')),
    good('HTTP/1.0', lines('HTTP/1.0 200 OK', 'Content-Length: 0'), ok('Content-Length: 0')),
    good('the last status, with an odd reason', lines('HTTP/1.1 599 caf\xe9\t!', 'Content-Length: 0')),
    good('a status of its own', lines('HTTP/1.1 299 Odd', 'Content-Length: 0')),
    bad('a space before the colon', `${ok('Content-Length : 2')}ok`),
    bad('a field without colon', ok('A', 'Content-Length: 0')),
    bad('an empty name', ok(': b', 'Content-Length: 0')),
    bad('a name that is no token', ok('A(B: c', 'Content-Length: 0')),
    bad('over 64 KiB of fields', ok(`A: ${'b'.repeat(70_000)}`, 'Content-Length: 0')),
    bad('1,001 fields', ok(...Array.from({ length: 1_001 }, () => 'A: b'))),
  ]),
  ...rule(45, 'RFC 9112 §2.2', [
    to('a response byte by byte', singly(OK), { client: OK }),
    to('chunks byte by byte go on as they come', singly(okInChunks('2\r\nhi\r\n0\r\nX: 1\r\n\r\n')), { client: okInChunks('1\r\nh\r\n1\r\ni\r\n0\r\nX: 1\r\n\r\n') }),
    to('a head with half of its body', [`${ok('Content-Length: 10')}hello`, 'world'], { client: `${ok('Content-Length: 10')}helloworld` }),
    to('a head cut between CR and LF', ['HTTP/1.1 200 OK\r', '\nContent-Length: 2\r\n\r', '\nok'], { client: OK }),
  ]),
  ...rule(47, 'RFC 9112 §6.1 and §6.3', [
    ...bothDiffer('RFC 9112 §6.3: to be handled as an error. Both drop Content-Length and go on.', [
      bad('TE first', ok('Transfer-Encoding: chunked', 'Content-Length: 5') + HELLO),
      bad('CL first', ok('Content-Length: 5', 'Transfer-Encoding: chunked') + HELLO),
      bad('an empty TE', `${ok('Transfer-Encoding:', 'Content-Length: 2')}ok`),
    ]),
  ]),
  ...rule(48, 'RFC 9112 §8', [
    ...bothDiffer('RFC 9112 §8: to HTTP/1.0 a FIN would say that half of it is whole. That a client which has said FIN left is our rule (option halfClose); nginx says FIN, HAProxy waits.', [
      expecting('a client that says FIN behind half a response to HTTP/1.0', [lines('GET /x HTTP/1.0', 'Host: a.example'), { until: 200 }, { end: 'fin' }], { answers: ['200 cut'], connection: 'reset', reaches: [get()] }, { origin: { answers: [okInChunks('5\r\nhello\r\n')] } }),
    ]),
    broken('half of the length, then FIN', [`${ok('Content-Length: 10')}hello`, { end: 'fin' }]),
    broken('half of the length, then a reset', [`${ok('Content-Length: 10')}hello`, { end: 'reset' }]),
    broken('nothing of the length', [ok('Content-Length: 10'), { end: 'fin' }]),
    broken('half a chunk', [okInChunks('a\r\nhello'), { end: 'fin' }]),
    broken('no last chunk', [okInChunks('5\r\nhello\r\n'), { end: 'fin' }]),
    broken('no empty line behind the last chunk', [okInChunks('5\r\nhello\r\n0\r\n'), { end: 'fin' }]),
    broken('a head alone', [okInChunks(''), { end: 'fin' }]),
    broken('without a length, ended by a reset', [`${ok('A: b')}hello`, { end: 'reset' }]),
    to('without a length, ended by FIN, is whole', [`${ok('A: b')}hello`, { end: 'fin' }], { client: `${ok('A: b', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n` }),
    expecting('cut before HTTP/1.0: a FIN would say it is whole', lines('GET /x HTTP/1.0', 'Host: a.example'), { answers: ['200 cut'], connection: 'reset', reaches: [get()] }, { origin: { answers: [[okInChunks('5\r\nhello\r\n'), { end: 'fin' }]] } }),
    to('a whole response, then FIN', [OK, { end: 'fin' }], { client: OK }),
    to('a whole response, then a reset', [OK, { end: 'reset' }], { client: OK }),
    to('HTTP/1.0 without a length, ended by FIN, is whole', ['HTTP/1.0 200 OK\r\n\r\nhello', { end: 'fin' }], { client: `${ok('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n` }),
    expecting('without a length to HTTP/1.0, which asked to keep its connection', lines('GET /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'), {
      answers: [200], connection: 'closed', reaches: [get()], client: `${ok('A: b', 'Connection: close')}hello`,
    }, { origin: { answers: [[`${ok('A: b')}hello`, { end: 'fin' }]] } }),
    expecting('trailers have no place in HTTP/1.0', lines('GET /x HTTP/1.0', 'Host: a.example'), { answers: [200], connection: 'closed', reaches: [get()], client: `${ok('Connection: close')}hello` }, {
      origin: { answers: [okInChunks('5\r\nhello\r\n0\r\nX: 1\r\n\r\n')] },
    }),
    expecting('cut behind the first of two', get() + get(), { answers: ['200 cut'], connection: 'reset', reaches: [get()] }, { origin: { answers: [[`${ok('Content-Length: 10')}hello`, { end: 'fin' }]] } }),
  ]),
  ...rule(49, 'RFC 9112 §6.3 and §9.2', [
    ...bothDiffer('RFC 9112 §6.1: no server may send it. Both drop the chunks; a backend that is wrong about where its responses end is not to be trusted with the next.', [
      bad('chunks at 204', `HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`),
    ]),
    surplus('a second response behind the first is dropped', OK + POISON, OK),
    to('a second response a moment later is dropped', [OK, POISON], { client: OK, dropsUpstream: true }),
    surplus('one byte behind the first', `${OK}x`, OK),
    surplus('more bytes than the length says', `${OK}ok`, OK),
    surplus('a response behind the last chunk', okInChunks(HELLO) + POISON, okInChunks(HELLO)),
    expecting('it is not the answer to the next request on the connection', get() + get(), { answers: [200, 200], connection: 'kept', reaches: [get(), get()], client: OK + OK }, { origin: { answers: [OK + POISON, OK] } }),
    expecting('a body behind the head for HEAD', HEAD, { answers: [200], connection: 'kept', dropsUpstream: true, reaches: [HEAD], client: OK.slice(0, -2) }, { origin: { answers: [OK] } }),
    expecting('a response in the place of the body for HEAD', HEAD, { answers: [200], connection: 'kept', dropsUpstream: true, reaches: [HEAD], client: ok(`Content-Length: ${POISON.length}`) }, { origin: { answers: [ok(`Content-Length: ${POISON.length}`) + POISON] } }),
    expecting('chunks behind the head for HEAD', HEAD, { answers: [200], connection: 'kept', dropsUpstream: true, reaches: [HEAD], client: ok() }, { origin: { answers: [okInChunks(HELLO)] } }),
    expecting('a bad response to HEAD: the 502 has no body', HEAD, { answers: [502], connection: 'kept', reaches: [HEAD] }, { origin: { answers: ['HTTP/1.1 2x0 OK\r\n\r\n'] } }),
    surplus('a body behind 204', 'HTTP/1.1 204 No Content\r\n\r\nhello', 'HTTP/1.1 204 No Content\r\n\r\n'),
    surplus('a length and a body at 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 204 No Content\r\n\r\n'),
    surplus('a body behind 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
    surplus('chunks at 304 go no further', `HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n${HELLO}`, 'HTTP/1.1 304 Not Modified\r\n\r\n'),
    good('205 has a length as others', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n'),
    to('a length that is right is whole, and the connection is kept', `${ok(`Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`, { dropsUpstream: false }),
  ]),
  ...rule(50, 'RFC 9110 §5.5, RFC 9112 §5.2', [
    ...[['NUL', '\0'], ['CR', '\r'], ['LF', '\n']].map(([name, byte]) => bad(`${name} in a value`, ok(`A: b${byte}c`, 'Content-Length: 0'))),
    ...bothDiffer('RFC 9110 §5.5: these are no field content.', [['VT', '\x0b'], ['ESC', '\x1b'], ['DEL', '\x7f']].map(([name, byte]) => bad(`${name} in a value`, ok(`A: b${byte}c`, 'Content-Length: 0')))),
    bad('a field folded by a space', ok('A: b', ' c', 'Content-Length: 0')),
    bad('a field folded by a tab', ok('A: b', '\tSet-Cookie: a=b', 'Content-Length: 0')),
    bad('a fold behind the status line', 'HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n'),
    bad('CRLF CR', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\rA: b\r\n\r\n'),
    bad('NUL in a name', ok('A\0: b', 'Content-Length: 0')),
    good('tab and obs-text stay', ok('A: b\tc\xe9', 'Content-Length: 0')),
  ]),
  ...rule(51, 'RFC 9110 §9.2.2, RFC 9112 §9.3.1', [
    ...bothDiffer('RFC 9112 §9.3.1: a retry is for a connection that closed before any response; a byte of one was there. nginx asks again; HAProxy closes without a word.', [
      expecting('GET that had a byte of its answer is not sent again', [get(), { until: 200 }, get()], { answers: [200, 502], connection: 'kept', reaches: [get(), get()] }, { origin: { answers: [OK, ['H', { end: 'fin' }], OK] } }),
    ]),
    bad('FIN and no answer', [{ end: 'fin' }]),
    bad('a reset and no answer', [{ end: 'reset' }]),
    bad('FIN in the status line', ['HTTP/1.1 20', { end: 'fin' }]),
    bad('FIN in a field', ['HTTP/1.1 200 OK\r\nContent-Le', { end: 'fin' }]),
    bad('FIN before the empty line', ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n', { end: 'fin' }]),
    bad('a reset in the head', ['HTTP/1.1 200 OK\r\nContent-Le', { end: 'reset' }]),
    expecting('GET on a connection that served before is sent once more', [get(), { until: 200 }, get()], { answers: [200, 200], connection: 'kept', reaches: [get(), get(), get()] }, { origin: { answers: [OK, [{ end: 'fin' }], OK] } }),
    expecting('and not a third time', [get(), { until: 200 }, get()], { answers: [200, 502], connection: 'kept', reaches: [get(), get(), get()] }, { origin: { answers: [OK, [{ end: 'fin' }]] } }),
    expecting('POST is not sent again', [get(), { until: 200 }, post(['Content-Length: 5'], 'hello')], { answers: [200, 502], connection: 'kept', reaches: [get(), post(['Content-Length: 5'], 'hello')] }, { origin: { answers: [OK, [{ end: 'fin' }], OK] } }),
  ]),
];

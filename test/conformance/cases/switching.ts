/** Upgrades, expectations, interim and early responses: rows 37 to 41 and 43. */
import { bothDiffer, chunked, expecting, get, lines, OK, pass, post, refuse, rule, SMUGGLED, type Case } from '../case.ts';

const ASK = get('Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Connection: upgrade');
const GRANT = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: upgrade\r\n\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
/** It ended, and closes because the body of the request did not come. */
const LAST_OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
function expectation(value: string, body = 'hello'): string {
  return post([`Expect: ${value}`, `Content-Length: ${body.length}`], body);
}
const HIDDEN = [`Content-Length: ${SMUGGLED.length}`];

export const switching: readonly Case[] = [
  ...rule(37, 'RFC 9110 §7.8; CVE-2026-2833', [
    ...bothDiffer('RFC 9110 §7.8: Upgrade in HTTP/1.0 must be ignored, and a request with a body is answered in HTTP before anything switches; HAProxy refuses the first and leaves Connection in the second.', [
      pass('asked by HTTP/1.0: no upgrade', [lines('GET /x HTTP/1.0', 'Host: a.example', 'Upgrade: websocket', 'Connection: upgrade, keep-alive')], get()),
      pass('asked with a body: no upgrade', [post(['Upgrade: websocket', 'Connection: upgrade', 'Content-Length: 5'], 'hello')], post(['Content-Length: 5'], 'hello')),
    ]),
    expecting('an upgrade that is refused leaves HTTP: what was sent early is the next request', ASK + get(), { answers: [200, 200], connection: 'kept', reaches: [ASK, get()] }),
    expecting('refused, and what was sent early is no HTTP', `${ASK}\x81\x85....hello`, { answers: [200, 400], connection: 'closed', reaches: [ASK] }),
    expecting('refused by 403', ASK + SMUGGLED, { answers: [403, 403], connection: 'kept', reaches: [ASK, SMUGGLED] }, { origin: { answers: ['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'] } }),
    expecting('granted: what was sent early goes behind the 101', `${ASK}early`, { answers: [101], connection: 'tunnel', reaches: [ASK, 'early'], client: GRANT }, { origin: { answers: [GRANT] } }),
    expecting('not granted, and a body that says it is 101', ASK, { answers: [200], connection: 'kept', reaches: [ASK] }, { origin: { answers: [`HTTP/1.1 200 OK\r\nContent-Length: ${GRANT.length}\r\n\r\n${GRANT}`] } }),
    expecting('426 is an answer as any', ASK, { answers: [426], connection: 'kept', reaches: [ASK] }, { origin: { answers: ['HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n'] } }),
  ]),
  ...rule(38, 'RFC 9110 §7.8 and §15.2.2', [
    ...bothDiffer('RFC 9110 §7.8 and §15.2.2: a 101 must name the protocol, one that was asked for, in HTTP/1.1. A tunnel that only one side knows of is how requests pass unseen.', [
      expecting('101 without Upgrade', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: ['HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n'] } }),
      expecting('101 to another protocol than was asked for', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: [GRANT.replace('websocket', 'other')] } }),
      expecting('101 to one that was asked for, and one more', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: [GRANT.replace('websocket', 'websocket, other')] } }),
      expecting('101 to h2c', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'] } }),
      expecting('101 of HTTP/1.0', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: [GRANT.replace('HTTP/1.1', 'HTTP/1.0')] } }),
      expecting('101 with a length', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: [GRANT.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nhello')] } }),
      expecting('101 to h2c that was asked for: the asking was not passed on', get('Connection: Upgrade', 'Upgrade: h2c'), { answers: [502], connection: 'kept', reaches: [get()] }, { origin: { answers: ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'] } }),
    ]),
    expecting('101 whose Connection does not name Upgrade', ASK, { answers: [502], connection: 'kept', reaches: [ASK] }, { origin: { answers: [GRANT.replace('Connection: upgrade\r\n', '')] } }),
    expecting('101 to a request that did not ask', get(), { answers: [502], connection: 'kept', reaches: [get()] }, { origin: { answers: [GRANT] } }),
  ]),
  ...rule(39, 'RFC 6455 §4, RFC 9110 §7.8', [
    expecting('one of several protocols, in other capitals', [ASK.replace('websocket', 'a/1, WebSocket')], { answers: [101], connection: 'tunnel', reaches: [ASK.replace('websocket', 'a/1, WebSocket')], client: GRANT }, { origin: { answers: [GRANT] } }),
    expecting('both directions', [ASK, { until: 101 }, 'ping'], { answers: [101], connection: 'tunnel', reaches: [ASK, 'ping'], client: `${GRANT}hello` }, { origin: { answers: [[GRANT, 'hello']] } }),
    expecting('bytes of the backend in the write of its 101', [ASK, { until: 101 }, 'ping'], { answers: [101], connection: 'tunnel', reaches: [ASK, 'ping'], client: `${GRANT}hello` }, { origin: { answers: [`${GRANT}hello`] } }),
    expecting('what looks like HTTP inside is not looked at', [ASK, { until: 101 }, SMUGGLED], { answers: [101], connection: 'tunnel', reaches: [ASK, SMUGGLED], client: `${GRANT}${OK}` }, { origin: { answers: [[GRANT, OK]] } }),
    expecting('a FIN of the client is passed on behind its bytes', [ASK, { until: 101 }, 'bye', { end: 'fin' }], { answers: [101], connection: 'tunnel', reaches: [ASK, 'bye'], client: GRANT }, { origin: { answers: [GRANT] } }),
    ...bothDiffer('RFC 9293 §3.6: a TCP connection has two halves, and a tunnel carries both. nginx and HAProxy end it at the FIN of the backend.', [
      expecting('a FIN of the backend, and the client may still send', [ASK, { until: 'end' }, 'more'], { answers: [101], connection: 'tunnel', reaches: [ASK, 'more'], client: `${GRANT}bye` }, { origin: { answers: [[`${GRANT}bye`, { end: 'fin' }]] } }),
    ]),
  ]),
  ...rule(40, 'RFC 9110 §10.1.1; CVE-2025-32094', [
    ...bothDiffer('RFC 9110 §7.6.1: Connection may not take away a field that the backend needs to know of.', [
      refuse('named in Connection', post(['Expect: 100-continue', 'Connection: expect', ...HIDDEN], SMUGGLED)),
    ]),
    expecting('the 100 of the backend goes to the client, then its body to the backend', [post(['Expect: 100-continue', 'Content-Length: 5'], ''), { until: 100 }, 'hello'], {
      answers: [100, 200], connection: 'kept', reaches: [post(['Expect: 100-continue', 'Content-Length: 5'], 'hello')], client: CONTINUE + OK,
    }, { origin: { interim: CONTINUE } }),
    expecting('in chunks', [chunked('', 'Expect: 100-continue'), { until: 100 }, '5\r\nhello\r\n0\r\n\r\n'], {
      answers: [100, 200], connection: 'kept', reaches: [post(['Expect: 100-continue', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n')],
    }, { origin: { interim: CONTINUE } }),
    pass('a client that does not wait', expectation('100-continue')),
    pass('100-CONTINUE', expectation('100-CONTINUE')),
    pass('without a body', get('Expect: 100-continue')),
    expecting('0.CL: answered without a 100, and the late body is no request', [post(['Expect: 100-continue', ...HIDDEN], ''), { until: 200 }, SMUGGLED], {
      answers: [200], connection: 'closed', reaches: [{ cut: post(['Expect: 100-continue', ...HIDDEN], '') }], client: LAST_OK,
    }, { origin: { at: 'head' } }),
    expecting('a 417 of the backend, and the late body is no request', [post(['Expect: 100-continue', ...HIDDEN], ''), { until: 417 }, SMUGGLED], {
      answers: [417], connection: 'closed', reaches: [{ cut: post(['Expect: 100-continue', ...HIDDEN], '') }],
    }, { origin: { at: 'head', answers: ['HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n'] } }),
    ...bothDiffer('RFC 9110 §10.1.1: any other expectation may be a 417. Who reads 100-continue out of these waits, who does not answers: one of them takes the body for a request (0.CL, CVE-2025-32094).', ['y 100-continue', '100-continue y', '100-continue; x', '100-continue, 100-continue', '', '100', '200-ok', '"100-continue"', '100-continue=1', '\x31\x30\x30 continue', ',100-continue'].map((value) => refuse(`Expect: ${JSON.stringify(value)}`, expectation(value, SMUGGLED), 417))),
    refuse('NUL in it', expectation('100-continue\0', SMUGGLED)),
    refuse('twice', post(['Expect: 100-continue', 'Expect: 100-continue', ...HIDDEN], SMUGGLED), 417),
    refuse('folded', post(['Expect:', ' 100-continue', ...HIDDEN], SMUGGLED), 417),
    refuse('folded behind', post(['Expect: 100-continue', ' y', ...HIDDEN], SMUGGLED)),
    expecting('HTTP/1.0 does not know it: dropped', lines('POST /x HTTP/1.0', 'Host: a.example', 'Expect: 100-continue', 'Content-Length: 5') + 'hello', { answers: [200], connection: 'closed', reaches: [post(['Content-Length: 5'], 'hello')] }),
  ]),
  ...rule(41, 'RFC 9110 §15.2', [
    ...bothDiffer('RFC 9110 §15.2 says several, not how many: without end they are no answer, and each costs the client a read.', [
      expecting('33', get(), { answers: Array.from({ length: 33 }, (_, i) => (i < 32 ? 103 : 502)), connection: 'kept', reaches: [get()] }, { origin: { answers: [HINTS.repeat(33) + OK] } }),
      expecting('33 in as many writes', get(), { answers: Array.from({ length: 33 }, (_, i) => (i < 32 ? 103 : 502)), connection: 'kept', reaches: [get()] }, { origin: { answers: [Array.from({ length: 33 }, () => HINTS)] } }),
    ]),
    ...bothDiffer('RFC 9110 §15.2: a proxy must not send 1xx to HTTP/1.0. HAProxy does, nginx 1.22 does not read on behind one.', [
      expecting('none to HTTP/1.0', lines('GET /x HTTP/1.0', 'Host: a.example'), { answers: [200], connection: 'closed', reaches: [get()], client: LAST_OK }, { origin: { interim: CONTINUE + HINTS } }),
      expecting('none to HTTP/1.0 that keeps its connection', lines('GET /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'), { answers: [200], connection: 'kept', reaches: [get()] }, { origin: { interim: HINTS } }),
    ]),
    expecting('103 before the answer', get(), { answers: [103, 200], connection: 'kept', reaches: [get()], client: HINTS + OK }, { origin: { interim: HINTS } }),
    expecting('102, 103 and 199', get(), { answers: [102, 103, 199, 200], connection: 'kept', reaches: [get()] }, { origin: { answers: [`HTTP/1.1 102 Processing\r\n\r\n${HINTS}HTTP/1.1 199 Odd\r\n\r\n${OK}`] } }),
    expecting('a 100 that nobody waits for', get(), { answers: [100, 200], connection: 'kept', reaches: [get()] }, { origin: { interim: CONTINUE } }),
    expecting('hop-by-hop fields of it stay here', get(), { answers: [103, 200], connection: 'kept', reaches: [get()], client: HINTS + OK }, { origin: { interim: HINTS.replace('\r\nLink', '\r\nConnection: X\r\nX: y\r\nKeep-Alive: timeout=5\r\nLink') } }),
    expecting('32 and no more', get(), { answers: Array.from({ length: 33 }, (_, i) => (i < 32 ? 103 : 200)), connection: 'kept', reaches: [get()] }, { origin: { answers: [HINTS.repeat(32) + OK] } }),
    expecting('with a length', get(), { answers: [502], connection: 'kept', reaches: [get()] }, { origin: { answers: [`HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello${OK}`] } }),
    expecting('in chunks', get(), { answers: [502], connection: 'kept', reaches: [get()] }, { origin: { answers: [`HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${OK}`] } }),
    expecting('and then nothing', get(), { answers: [103, 502], connection: 'kept', reaches: [get()] }, { origin: { answers: [[HINTS, { end: 'fin' }]] } }),
    expecting('cut in two writes', get(), { answers: [103, 200], connection: 'kept', reaches: [get()], client: HINTS + OK }, { origin: { answers: [[HINTS.slice(0, 30), HINTS.slice(30) + OK]] } }),
  ]),
  ...rule(43, 'RFC 9112 §9.3 and §9.6; CVE-2025-4366', [
    ...bothDiffer('RFC 9112 §9.6: who will not read a body closes. nginx reads and drops it, HAProxy has no such limit in a plain config.', [
      expecting('refused by us before the body came', [post(['Content-Length: 1001'], ''), { until: 413 }, SMUGGLED], { answers: [413], connection: 'closed', reaches: [] }),
    ]),
    expecting('answered before the body came: closed, and the rest of it is no request', [post(HIDDEN, ''), { until: 200 }, SMUGGLED], { answers: [200], connection: 'closed', reaches: [{ cut: post(HIDDEN, '') }], client: LAST_OK }, { origin: { at: 'head' } }),
    expecting('answered with half of the body there', [post(HIDDEN, SMUGGLED.slice(0, 10)), { until: 200 }, SMUGGLED.slice(10)], { answers: [200], connection: 'closed', reaches: [{ cut: post(HIDDEN, SMUGGLED.slice(0, 10)) }] }, { origin: { at: 'head' } }),
    expecting('answered in the middle of chunks', [chunked('5\r\nhello\r\n'), { until: 200 }, `0\r\n\r\n${SMUGGLED}`], { answers: [200], connection: 'closed', reaches: [{ cut: chunked('5\r\nhello\r\n') }] }, { origin: { at: 'head' } }),
    expecting('refused by us for its head, and the body looks like a request', [post(['A : b', ...HIDDEN], ''), { until: 400 }, SMUGGLED], { answers: [400], connection: 'closed', reaches: [] }),
    expecting('refused by the backend, which closes', [post(HIDDEN, ''), { until: 413 }, SMUGGLED], { answers: [413], connection: 'closed', reaches: [{ cut: post(HIDDEN, '') }] }, {
      origin: { at: 'head', answers: [['HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', { end: 'fin' }]] },
    }),
    refuse('HEAD is refused without a body', lines('HEAD /x HTTP/1.1', 'Host: a.example', 'A : b')),
    expecting('the backend closes before the body came', [post(HIDDEN, ''), { until: 502 }, SMUGGLED], { answers: [502], connection: 'closed', reaches: [{ cut: post(HIDDEN, '') }] }, { origin: { at: 'head', answers: [[{ end: 'fin' }]] } }),
  ]),
];

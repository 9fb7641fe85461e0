/** What belongs to one hop alone, and the order of requests on a connection: rows 35, 36, 42, 44 and 45. */
import { bothDiffer, chunked, expecting, get, lines, OK, pass, post, refuse, rule, singly, SMUGGLED, type Case } from '../case.ts';

const HELLO = '5\r\nhello\r\n0\r\n\r\n';
const two = (one: string, other: string) => ({ answers: [200, 200], connection: 'kept', reaches: [one, other] }) as const;
function at(path: string, ...fields: readonly string[]): string {
  return lines(`GET ${path} HTTP/1.1`, 'Host: a.example', ...fields);
}

export const connections: readonly Case[] = [
  ...rule(35, 'RFC 9110 §7.6.1; CVE-2022-31813', [
    ...bothDiffer('RFC 7239 §8.1: whoever believes it must know that nobody else wrote it. A plain nginx or HAProxy passes it on.', [
      pass('what an untrusted client says of itself', get('X-Forwarded-For: 1.2.3.4', 'Forwarded: for=1.2.3.4', 'X-Forwarded-Host: evil', 'x-forwarded-anything: x', 'A: b'), get('A: b')),
    ]),
    ...bothDiffer('RFC 9110 §7.6.1: what Connection names must be removed, and so must Connection; what is no list of tokens cannot be obeyed.', [
      pass('a field that Connection names', get('Connection: X-Auth', 'X-Auth: me', 'A: b'), get('A: b')),
      pass('in other capitals, with white space and empty elements', get('connection: ,\tx-AUTH , ,', 'X-Auth: me', 'A: b'), get('A: b')),
      pass('several in several fields', get('Connection: X-1', 'X-1: a', 'X-2: b', 'X-3: c', 'Connection: X-2, close-not'), get('X-3: c')),
      pass('named, and there twice', get('Connection: X-1', 'X-1: a', 'A: b', 'X-1: c'), get('A: b')),
      pass('named before and behind it', get('X-1: a', 'Connection: X-1', 'A: b'), get('A: b')),
      refuse('X-Forwarded-For named by Connection is gone, Expect may not be named', get('Connection: Expect, X-Forwarded-For', 'Expect: 100-continue')),
      refuse('no list: two words', get('Connection: close x')),
      refuse('no list: a quote', get('Connection: "close"')),
      refuse('no list: a parameter', get('Connection: close;q=1')),
      refuse('odd bytes', get('Connection: clo\xe9')),
      refuse('65 names', get(`Connection: ${Array.from({ length: 65 }, (_, i) => `x${i}`).join(', ')}`)),
    ]),
    ...bothDiffer('RFC 9110 §11.7.1 and §7.6.1: for the proxy that asked for it, and of that hop alone.', [
      pass('Proxy-Connection', get('Proxy-Connection: keep-alive', 'A: b'), get('A: b')),
      pass('Upgrade alone, without Connection', get('Upgrade: websocket', 'A: b'), get('A: b')),
      pass('Proxy-Authorization', get('Proxy-Authorization: Basic eDp5', 'A: b'), get('A: b')),
    ]),
    pass('the same with underscores, which CGI takes for dashes (CVE-2024-45614)', get('X_Forwarded_For: 1.2.3.4', 'X-Forwarded_Proto: https', 'x_forwarded-host: evil', 'A: b'), get('A: b')),
    pass('a trailer that Connection names', chunked('5\r\nhello\r\n0\r\nX-Auth: me\r\n\r\n', 'Connection: x-auth'), chunked(HELLO)),
    pass('a trailer beside Connection: TE', chunked('5\r\nhello\r\n0\r\nX: 1\r\n\r\n', 'Connection: TE, keep-alive', 'TE: trailers'), chunked('5\r\nhello\r\n0\r\nX: 1\r\n\r\n')),
    pass('names that are not there do no harm', get('Connection: X-1, X-2', 'A: b'), get('A: b')),
    pass('Keep-Alive alone', get('Keep-Alive: timeout=5', 'A: b'), get('A: b')),
    pass('TE alone', get('TE: trailers', 'A: b'), get('A: b')),
    pass('TE with Connection', get('Connection: TE', 'TE: trailers, deflate;q=0.5', 'A: b'), get('A: b')),
    pass('Connection: upgrade without Upgrade', get('Connection: Upgrade', 'A: b'), get('A: b')),
    pass('Trailer goes on: the trailers do', chunked('5\r\nhello\r\n0\r\nX: 1\r\n\r\n', 'Trailer: X'), post(['Trailer: X', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\nX: 1\r\n\r\n')),
  ]),
  ...rule(36, 'RFC 9113 §3.1, RFC 9110 §7.8; h2c smuggling, 2020', [
    ...bothDiffer('RFC 9113 §3.1 has withdrawn h2c by upgrade; behind a 101 to it requests would pass that no rule here sees. Both forward it as they are told to forward WebSocket.', [
      pass('Upgrade: h2c with its settings', get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', 'A: b'), get('A: b')),
      pass('HTTP2-Settings alone', get('HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', 'A: b'), get('A: b')),
      pass('HTTP2-Settings beside websocket', get('Connection: Upgrade', 'Upgrade: websocket', 'HTTP2-Settings: AAMAAABk', 'A: b'), get('A: b')),
      pass('h2c behind websocket', get('Connection: Upgrade', 'Upgrade: websocket, h2c', 'A: b'), get('A: b')),
      pass('h2c in a second field', get('Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: h2c', 'A: b'), get('A: b')),
      pass('H2C in capitals', get('Connection: upgrade', 'Upgrade: H2C', 'A: b'), get('A: b')),
      pass('HTTP/2.0', get('Connection: Upgrade', 'Upgrade: HTTP/2.0', 'A: b'), get('A: b')),
      pass('h2', get('Connection: Upgrade', 'Upgrade: h2', 'A: b'), get('A: b')),
      pass('TLS (RFC 2817): requests inside it would be seen as little', get('Connection: Upgrade', 'Upgrade: TLS/1.2', 'A: b'), get('A: b')),
      pass('an Upgrade that is no list of protocols', get('Connection: Upgrade', 'Upgrade: "websocket"', 'A: b'), get('A: b')),
      expecting('h2c, and the preface behind it, is no HTTP', get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk') + 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', {
        answers: [200, 400], connection: 'closed', reaches: [get()],
      }),
    ]),
    pass('an empty Upgrade', get('Connection: Upgrade', 'Upgrade:', 'A: b'), get('A: b')),
  ]),
  ...rule(42, 'RFC 9112 §9.3 and §9.6', [
    expecting('close: what follows is not processed', get('Connection: close') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [get()] }),
    expecting('close behind another option', get('Connection: keep-alive, close') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [get()] }),
    expecting('CLOSE', get('Connection: CLOSE') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [get()] }),
    expecting('close in a second field', get('Connection: keep-alive', 'A: b', 'Connection: close') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [get('A: b')] }),
    expecting('close on a request with a body', post(['Connection: close', 'Content-Length: 5'], 'hello') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [post(['Content-Length: 5'], 'hello')] }),
    expecting('HTTP/1.0: what follows is not processed', lines('GET /x HTTP/1.0', 'Host: a.example') + SMUGGLED, { answers: [200], connection: 'closed', reaches: [get()] }),
    expecting('HTTP/1.0 with keep-alive is kept, and told so', lines('GET /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'), {
      answers: [200], connection: 'kept', reaches: [get()], client: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    }),
    expecting('HTTP/1.0 with keep-alive and close', lines('GET /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive, close'), { answers: [200], connection: 'closed', reaches: [get()] }),
    expecting('HTTP/1.0 with keep-alive, and a response without a length ends with the connection', lines('GET /x HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'), {
      answers: [200], connection: 'closed', reaches: [get()], client: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok',
    }, { origin: { answers: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'] } }),
    pass('keep-alive in HTTP/1.1 says nothing new', get('Connection: keep-alive'), get()),
    expecting('a FIN behind the request is a client that left', [get(), { end: 'fin' }], { answers: [], connection: 'closed', reaches: [get()] }, { origin: { answers: [[]] } }),
  ]),
  ...rule(44, 'RFC 9112 §9.3.2', [
    expecting('two in one write', at('/1') + at('/2'), two(at('/1'), at('/2'))),
    expecting('ten in one write', Array.from({ length: 10 }, (_, i) => at(`/${i}`)).join(''), { answers: Array.from({ length: 10 }, () => 200), connection: 'kept', reaches: Array.from({ length: 10 }, (_, i) => at(`/${i}`)) }),
    expecting('one with a body between', at('/1') + post(['Content-Length: 5'], 'hello') + at('/2'), { answers: [200, 200, 200], connection: 'kept', reaches: [at('/1'), post(['Content-Length: 5'], 'hello'), at('/2')] }),
    expecting('one in chunks between', at('/1') + chunked(HELLO) + at('/2'), { answers: [200, 200, 200], connection: 'kept', reaches: [at('/1'), chunked(HELLO), at('/2')] }),
    expecting('the good one is answered before the 400, and nothing behind is read', at('/1') + at('/2', 'A : b') + at('/3'), { answers: [200, 400], connection: 'closed', reaches: [at('/1')] }),
    expecting('a bad body between', at('/1') + chunked('x\r\n') + at('/3'), { answers: [200, 400], connection: 'closed', reaches: [at('/1')] }),
    expecting('one cut in two writes', [`${at('/1')}GET /2 HT`, 'TP/1.1\r\nHost: a.example\r\n\r\n'], two(at('/1'), at('/2'))),
    expecting('answers come in the order of the requests', at('/1') + at('/2'), {
      ...two(at('/1'), at('/2')), client: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo',
    }, { origin: { answers: ['HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'] } }),
    expecting('HEAD, then GET: the answer to HEAD has no body', lines('HEAD /x HTTP/1.1', 'Host: a.example') + get(), {
      ...two(lines('HEAD /x HTTP/1.1', 'Host: a.example'), get()), client: `${OK.slice(0, -2)}${OK}`,
    }, { origin: { answers: [OK.slice(0, -2), OK] } }),
  ]),
  ...rule(45, 'RFC 9112 §2.2', [
    pass('GET byte by byte', singly(get('A: b'))),
    pass('a body byte by byte', singly(post(['Content-Length: 5'], 'hello'))),
    pass('chunks byte by byte are chunks of one byte', singly(chunked('2\r\nhi\r\n0\r\nX: 1\r\n\r\n')), chunked('1\r\nh\r\n1\r\ni\r\n0\r\nX: 1\r\n\r\n')),
    pass('cut between CR and LF', ['GET /x HTTP/1.1\r', '\nHost: a.example\r', '\n\r', '\n']),
    pass('cut before the empty line', ['GET /x HTTP/1.1\r\nHost: a.example\r\n', '\r\n']),
    pass('cut between head and body', [post(['Content-Length: 5'], ''), 'hello']),
    pass('cut in the chunk size', [chunked(''), '1', '0\r\n0123456789abcdef\r\n0\r\n\r\n'], chunked('10\r\n0123456789abcdef\r\n0\r\n\r\n')),
    expecting('a bad request byte by byte', singly('GET /x HTTP/1.1\r\nA : b\r\n\r\n'), { answers: [400], connection: 'closed', reaches: [] }),
  ]),
];

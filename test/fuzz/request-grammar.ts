/** Requests by RFC 9112 §3, each with its meaning, or with the refusal that our policy has for it although the grammar allows it. */
import { type BodyMeant, NO_BODY, chunkedBody, lengthBody } from './body-grammar.ts';
import { anyField, authority, connection, fieldLine, token } from './field-grammar.ts';
import { type Field, type Message, mayNameTrailers } from './meaning.ts';
import type { Random } from './random.ts';

export interface Meant {
  text: string;
  /** `undefined`: it is refused. */
  message: Message | undefined;
  /** The code of the refusal; '' = it is accepted. */
  refusal: string;
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'M-SEARCH', 'QUERY', 'get'];
const PCHAR = "abcXYZ019-._~!$&'()*+,;=:@";

/** Segments that readers understood differently; a `%` that begins no triplet is no URI, but is sent and taken (RFC 3986 §2.1). */
const SEGMENTS = ['.', '..', '%2e', '%2E%2e', '.%2e', '%2F', '%5c', '%00', '', '%', '%2', '%252e', '%%32e%%32e', '%2%65%2%65', '%25%32%65', '..;', ';', '%zz'];

export function request(random: Random): Meant {
  const method = random.oneIn(10) ? token(random, 32) : random.pick(METHODS);
  const isHttp10 = random.oneIn(6);
  const target = requestTarget(random, method);
  const link = connection(random);
  const body = requestBody(random, isHttp10);
  const isExpecting = random.oneIn(12);

  const fields: Field[] = [];
  for (let left = random.few(random.oneIn(40) ? 60 : 6); left > 0; left--) fields.push(anyField(random));
  for (const field of [...link.fields, ...body.fields]) insert(random, fields, field);
  if (isExpecting) insert(random, fields, ['Expect', random.oneIn(2) ? '100-continue' : '100-Continue']);
  const host = target.authority === '' ? authority(random) : target.authority;
  if (!isHttp10 || random.oneIn(2)) insert(random, fields, ['Host', host]);

  let refusal = target.refusal;
  if (refusal === '' && random.oneIn(40)) refusal = addRefused(random, fields, isHttp10, body);
  const version = isHttp10 ? '1.0' : '1.1';
  const hasBody = body.payload !== '' || body.fields.some(([name]) => /^transfer/i.test(name));
  const text = `${'\r\n'.repeat(random.oneIn(20) ? random.between(1, 2) : 0)}${method} ${target.received} HTTP/${version}\r\n${fields.map((field) => fieldLine(random, field)).join('')}\r\n${body.coded}`;
  if (refusal !== '' || method === 'CONNECT') return { text, message: undefined, refusal: method === 'CONNECT' ? 'ERR_REQUEST_METHOD' : refusal };
  return {
    text, refusal: '',
    message: {
      method, target: target.meant, status: 0, version, fields, body: body.payload, trailers: mayNameTrailers(link.fields) ? [] : body.trailers, isComplete: true,
      keepAlive: !link.saysClose && (!isHttp10 || link.saysKeepAlive),
      upgrade: link.wantsUpgrade && link.hasPassableUpgrade && !isHttp10 && !hasBody,
    },
  };
}

function requestBody(random: Random, isHttp10: boolean): BodyMeant {
  const kind = random.below(5);
  if (kind < 2) return NO_BODY;
  return kind === 2 || isHttp10 ? lengthBody(random) : chunkedBody(random);
}

interface Target {
  received: string;
  meant: string;
  authority: string;
  refusal: string;
}
/** RFC 9112 §3.2: origin-form, absolute-form, asterisk-form. */
function requestTarget(random: Random, method: string): Target {
  const kind = random.below(12);
  if (kind === 0 && method === 'OPTIONS') return { received: '*', meant: '*', authority: '', refusal: '' };
  if (kind < 3) {
    const named = authority(random);
    const path = random.oneIn(3) ? '' : originForm(random);
    const query = path === '' && random.oneIn(3) ? `?${random.text(`${PCHAR}/?`, 0, 6)}` : '';
    const lacks = path === '' ? (method === 'OPTIONS' && query === '' ? '*' : '/') : '';
    return { received: `${random.pick(['http', 'https', 'HTTP', 'hTTps'])}://${named}${path}${query}`, meant: lacks + path + query, authority: named, refusal: '' };
  }
  const path = originForm(random);
  return { received: path, meant: path, authority: '', refusal: '' };
}
function originForm(random: Random): string {
  let path = '';
  for (let left = random.between(1, 4); left > 0; left--) {
    path += `/${random.oneIn(5) ? random.pick(SEGMENTS) : random.text(PCHAR, 0, 8)}`;
  }
  if (random.oneIn(30)) path += `/${'long'.repeat(random.below(300))}`;
  return random.oneIn(3) ? `${path}?${random.text(`${PCHAR}/?`, 0, 12)}` : path;
}

/** What RFC 9112 allows a client to send, and us to refuse. Only where nothing else is wrong, so that the code is known. */
function addRefused(random: Random, fields: Field[], isHttp10: boolean, body: BodyMeant): string {
  const kind = random.below(4);
  if (kind === 0 && !isHttp10) {
    fields.unshift(['Expect', random.pick(['200-maybe', '', 'x=1'])]);
    return 'ERR_REQUEST_EXPECT';
  }
  if (kind === 1 && !isHttp10 && body === NO_BODY) {
    fields.push(['Transfer-Encoding', random.pick(['gzip, chunked', 'gzip', 'deflate,chunked'])]);
    return 'ERR_REQUEST_TRANSFER_CODING';
  }
  if (kind === 2) {
    fields.push(['Connection', random.pick(['host', 'close, Content-Length', 'Transfer-Encoding', 'expect'])]);
    return 'ERR_REQUEST_MALFORMED';
  }
  for (let left = 101; left > 0; left--) fields.push(['X-Many', '']);
  return 'ERR_REQUEST_HEAD_SIZE';
}

function insert(random: Random, fields: Field[], field: Field): void {
  fields.splice(random.below(fields.length + 1), 0, field);
}

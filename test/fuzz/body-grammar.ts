/** Bodies by RFC 9112 §6 and §7: Content-Length, chunks with extensions, trailers. */
import { fieldLine, fieldValue, randomCase, token } from './field-grammar.ts';
import type { Field } from './meaning.ts';
import type { Random } from './random.ts';

export interface BodyMeant {
  fields: Field[];
  /** As it goes over the wire. */
  coded: string;
  payload: string;
  /** Those that may be sent on. */
  trailers: Field[];
}

export const NO_BODY: BodyMeant = { fields: [], coded: '', payload: '', trailers: [] };
/** Payload that looks like the protocol: whoever miscounts by a byte takes it for a message. */
const PAYLOADS = ['GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n', '0\r\n\r\n', '\r\n', 'HTTP/1.1 200 OK\r\n\r\n', 'ab', '\0\xff', '5\r\nhello\r\n'];
/** RFC 9110 §6.5.1: one of each kind that must not come late. */
const NO_TRAILERS = [
  'Content-Length', 'Transfer-Encoding', 'Host', 'Trailer', 'Connection', 'TE', 'Cache-Control', 'Max-Forwards', 'Authorization', 'Set-Cookie', 'Content-Encoding', 'Content-Type', 'Content-Range', 'X-Forwarded-For',
  'Cookie', 'Expect', 'Upgrade', 'Location', 'Vary', 'Keep-Alive',
];

export function payload(random: Random): string {
  let text = '';
  for (let left = random.few(6); left > 0; left--) text += random.pick(PAYLOADS);
  return random.oneIn(30) ? text.padEnd(random.below(3_000), 'x') : text;
}

/** Content-Length: leading zeros are digits too, and equal fields are one (RFC 9110 §8.6). */
export function lengthBody(random: Random, text = payload(random)): BodyMeant {
  const value = random.oneIn(5) ? String(text.length).padStart(random.between(1, 12), '0') : String(text.length);
  const fields: Field[] = [[spelled(random, 'Content-Length'), value]];
  if (random.oneIn(12)) fields.push([spelled(random, 'Content-Length'), String(text.length)]);
  return { fields, coded: text, payload: text, trailers: [] };
}

export function chunkedBody(random: Random): BodyMeant {
  let coded = '';
  let whole = '';
  for (let left = random.few(5); left > 0; left--) {
    const data = payload(random);
    if (data === '') continue;
    coded += `${chunkSize(random, data.length)}${extension(random)}\r\n${data}\r\n`;
    whole += data;
  }
  coded += `${random.oneIn(5) ? '0'.repeat(random.between(1, 9)) : '0'}${extension(random)}\r\n`;
  const trailers: Field[] = [];
  for (let left = random.oneIn(2) ? random.few(4) : 0; left > 0; left--) {
    const isForbidden = random.oneIn(2);
    const field: Field = [isForbidden ? spelled(random, random.pick(NO_TRAILERS)) : `X-${token(random)}`, fieldValue(random)];
    if (!isForbidden && !/^x[-_]forwarded[-_]/i.test(field[0])) trailers.push(field);
    coded += fieldLine(random, field);
  }
  const coding = random.oneIn(3) ? randomCase(random, 'chunked') : 'chunked';
  return { fields: [[spelled(random, 'Transfer-Encoding'), coding]], coded: `${coded}\r\n`, payload: whole, trailers };
}

function chunkSize(random: Random, size: number): string {
  const hex = random.oneIn(2) ? size.toString(16) : size.toString(16).toUpperCase();
  return random.oneIn(5) ? hex.padStart(random.between(1, 14), '0') : hex;
}
/** RFC 9112 §7.1.1: names, values that are tokens or quoted. No white space around them: that is only for recipients to bear. */
function extension(random: Random): string {
  let text = '';
  for (let left = random.oneIn(3) ? random.few(3) : 0; left > 0; left--) {
    text += `;${token(random, 6)}`;
    const kind = random.below(3);
    if (kind === 1) text += `=${token(random, 6)}`;
    else if (kind === 2) text += `="${random.text('ab ;,=\r', 0, 6).replaceAll('\r', '\\"')}"`;
  }
  return text;
}
function spelled(random: Random, name: string): string {
  return random.oneIn(4) ? randomCase(random, name) : name;
}

/** Responses by RFC 9112 §4, each with its meaning as the answer to a request of a given method. */
import { NO_BODY, chunkedBody, lengthBody, payload, type BodyMeant } from './body-grammar.ts';
import { anyField, connection, digits, fieldLine, fieldValue } from './field-grammar.ts';
import { type Field, mayNameTrailers } from './meaning.ts';
import type { Random } from './random.ts';
import type { Meant } from './request-grammar.ts';

const STATUSES = [200, 200, 200, 201, 204, 206, 301, 304, 304, 404, 500, 503, 599];
const INTERIM = [100, 102, 103, 103, 199];

/** A final response, or an interim one. */
export function response(random: Random, method: string, isInterim = false): Meant {
  const status = isInterim ? random.pick(INTERIM) : random.oneIn(8) ? random.between(200, 599) : random.pick(STATUSES);
  const isHttp10 = !isInterim && random.oneIn(6);
  const link = connection(random);
  const hasNoBody = isInterim || status === 204 || status === 304 || method === 'HEAD';
  const body = hasNoBody ? announced(random, status, isHttp10) : responseBody(random, isHttp10);
  const isUntilClose = !hasNoBody && body.fields.length === 0;

  const fields: Field[] = [];
  for (let left = random.few(random.oneIn(40) ? 60 : 6); left > 0; left--) fields.push(anyField(random));
  for (const field of [...link.fields, ...body.fields]) fields.splice(random.below(fields.length + 1), 0, field);
  const version = isHttp10 ? '1.0' : '1.1';
  const reason = random.oneIn(6) ? '' : random.oneIn(3) ? ` ${fieldValue(random)}` : ' OK';
  const text = `HTTP/${version} ${status}${reason === '' && random.oneIn(2) ? ' ' : reason}\r\n${fields.map((field) => fieldLine(random, field)).join('')}\r\n${body.coded}`;
  return {
    text, refusal: '',
    message: {
      method: '', target: '', status, version, fields, body: body.payload, trailers: mayNameTrailers(link.fields) ? [] : body.trailers, isComplete: !isUntilClose,
      keepAlive: !isUntilClose && !link.saysClose && (!isHttp10 || link.saysKeepAlive), upgrade: false,
    },
  };
}

/** RFC 9110 §8.6: an answer without a body may say how long it would have been, unless it is a 1xx or 204. */
function announced(random: Random, status: number, isHttp10: boolean): BodyMeant {
  if (status < 200 || status === 204 || random.oneIn(2)) return NO_BODY;
  if (!isHttp10 && random.oneIn(3)) return { ...NO_BODY, fields: [['Transfer-Encoding', 'chunked']] };
  return { ...NO_BODY, fields: [['Content-Length', digits(random, 6)]] };
}
function responseBody(random: Random, isHttp10: boolean): BodyMeant {
  const kind = random.below(5);
  if (kind === 0) {
    const rest = payload(random);
    return { fields: [], coded: rest, payload: rest, trailers: [] };
  }
  return kind < 3 || isHttp10 ? lengthBody(random) : chunkedBody(random);
}

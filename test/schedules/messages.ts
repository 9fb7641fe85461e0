/** What clients and origins say in a schedule: plans of messages, and their bytes. Each message is told by a tag, and its body is made of it. */

import type { Extent } from './schedule.ts';

export interface RequestPlan {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly version: '1.1' | '1.0';
  readonly framing: 'none' | 'length' | 'chunked';
  readonly bodyBytes: number;
  readonly expects100: boolean;
  /** `Connection: close`, or without keep-alive in HTTP/1.0: the last request of its connection. */
  readonly isLast: boolean;
  /** Asks for another protocol; `tunnelBytes` follow, if the schedule sends them before the answer or after it. */
  readonly isUpgrade: boolean;
  /** No HTTP: its head, or a chunk of its body. */
  readonly broken: '' | 'head' | 'chunk';
  readonly reply: ReplyPlan;
}

export interface ReplyPlan {
  readonly interims: readonly (100 | 103)[];
  readonly status: 200 | 204 | 304 | 403;
  readonly framing: 'length' | 'chunked' | 'close';
  readonly bodyBytes: number;
  /** Bytes behind the end of the response. */
  readonly surplus: number;
  readonly broken: '' | 'head' | 'chunk' | 'two lengths';
  readonly saysClose: boolean;
  /** 101 when the request asked for it. */
  readonly agrees: boolean;
}

export const TUNNEL_BYTES = 3_000;
const CHUNK_BYTES = 700;
const FEW_BYTES = 23;

/** Bodies whose every byte tells whose it is: the tag again and again. */
export function bodyOf(tag: string, size: number): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, `${tag};`);
}

export interface Wire {
  readonly bytes: Buffer;
  /** Where the head ends, and where the message does: there may be bytes behind it. */
  readonly headEnd: number;
  readonly end: number;
}

/** The bytes of a request. @param id without a space or a slash at its beginning; it becomes the path. */
export function requestWire(plan: RequestPlan, id: string, host: string): Wire {
  const lines = [`${plan.method} /${id} HTTP/${plan.version}`, `Host: ${host}`];
  if (plan.isUpgrade) lines.push('Connection: Upgrade', 'Upgrade: echo');
  else if (plan.isLast && plan.version === '1.1') lines.push('Connection: close');
  else if (!plan.isLast && plan.version === '1.0') lines.push('Connection: keep-alive');
  if (plan.expects100) lines.push('Expect: 100-continue');
  if (plan.framing === 'length') lines.push(`Content-Length: ${plan.bodyBytes}`);
  if (plan.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (plan.broken === 'head') lines.push('No Token: x');
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  const body = plan.isUpgrade ? bodyOf(`${id}up`, TUNNEL_BYTES) : framed(plan.framing, bodyOf(id, plan.bodyBytes), plan.broken === 'chunk');
  return whole(head, body);
}

function whole(head: Buffer, body: Buffer, surplus = 0): Wire {
  return { bytes: Buffer.concat([head, body, Buffer.alloc(surplus, '!')]), headEnd: head.length, end: head.length + body.length };
}

/** The bytes of the reply to a request, at the delivery that `tag` names. */
export function replyWire(plan: ReplyPlan, request: RequestPlan, tag: string): Wire {
  const interims = plan.interims.map((status) => `HTTP/1.1 ${status} Interim\r\n\r\n`).join('');
  if (request.isUpgrade && plan.agrees) {
    const head = Buffer.from(`${interims}HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Tag: ${tag}\r\n\r\n`);
    return whole(head, bodyOf(`${tag}down`, TUNNEL_BYTES));
  }
  const lines = [`HTTP/1.1 ${plan.status} Status`, `X-Tag: ${tag}`];
  const isBodiless = plan.status === 204 || plan.status === 304;
  if (!isBodiless && plan.framing === 'length') lines.push(`Content-Length: ${plan.bodyBytes}`);
  if (!isBodiless && plan.framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (plan.saysClose) lines.push('Connection: close');
  if (plan.broken === 'head') lines.push('No Token: x');
  if (plan.broken === 'two lengths') lines.push('Content-Length: 1', 'Content-Length: 2');
  const head = Buffer.from(`${interims}${lines.join('\r\n')}\r\n\r\n`);
  const hasBody = !isBodiless && request.method !== 'HEAD';
  const body = hasBody ? framed(plan.framing, bodyOf(tag, plan.bodyBytes), plan.broken === 'chunk') : Buffer.alloc(0);
  // Behind a body that ends with the connection nothing is surplus.
  const surplus = hasBody && plan.framing === 'close' ? 0 : plan.surplus;
  return whole(head, body, surplus);
}

/** Whether the reply ends with its connection. */
export function endsByClose({ method, reply }: RequestPlan): boolean {
  return reply.framing === 'close' && method !== 'HEAD' && reply.status !== 204 && reply.status !== 304;
}

/** Where a write of that extent ends, that begins at `at`. */
export function reach(upTo: Extent, at: number, { bytes, headEnd }: Wire): number {
  if (upTo === 'byte') return Math.min(bytes.length, at + 1);
  if (upTo === 'few') return Math.min(bytes.length, at + FEW_BYTES);
  if (upTo === 'head' && at < headEnd) return headEnd;
  if (upTo === 'half') return at + Math.ceil((bytes.length - at) / 2);
  return bytes.length;
}

function framed(framing: 'none' | 'length' | 'close' | 'chunked', body: Buffer, isBroken: boolean): Buffer {
  if (framing === 'none') return Buffer.alloc(0);
  if (framing !== 'chunked') return body;
  const parts: Buffer[] = [];
  const size = Math.max(CHUNK_BYTES, Math.ceil(body.length / 20));
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  // In place of the last chunk: everything before it was good.
  parts.push(Buffer.from(isBroken ? 'zz\r\n\r\n' : '0\r\n\r\n'));
  return Buffer.concat(parts);
}

/** What a bad backend does to a request that asks for it with `X-Fault`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { patternOf } from './pattern.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
/** Each is no response that may be passed on. */
export const MALFORMED: readonly string[] = [
  `${OK}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  `${OK}Content-Length: -1\r\n\r\n`,
  `${OK}Content-Length : 3\r\n\r\nabc`,
  `${OK}X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n`,
  'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01',
  `${OK}X-Long: ${'x'.repeat(70_000)}\r\nContent-Length: 0\r\n\r\n`,
];
/** Length of what is promised where less comes. */
const PROMISED = 10_000;

export const FAULTS = ['reset', 'close', 'hang', 'truncate', 'truncate chunks', 'stall', 'malformed', 'malformed chunks', 'extra bytes', 'slow', 'answer early'] as const;
export type Fault = (typeof FAULTS)[number];

/** @param pick of the kinds of malformed responses */
export function commit(fault: Fault, request: IncomingMessage, response: ServerResponse, id: string, pick: number): void {
  const { socket } = request;
  const half = patternOf(id, PROMISED / 2);
  const raw = (text: string | Buffer): void => void socket.write(text);
  switch (fault) {
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'close':
      socket.destroy();
      return;
    case 'hang':
      return;
    case 'truncate':
      response.writeHead(200, { 'x-id': id, 'content-length': PROMISED });
      response.write(half, () => socket.destroy());
      return;
    case 'truncate chunks':
      response.writeHead(200, { 'x-id': id });
      response.write(half, () => socket.resetAndDestroy());
      return;
    case 'stall':
      response.writeHead(200, { 'x-id': id, 'content-length': PROMISED });
      response.write(half);
      return;
    case 'malformed':
      raw(Buffer.from(MALFORMED[pick % MALFORMED.length]!, 'latin1'));
      socket.end();
      return;
    case 'malformed chunks':
      raw(`${OK}X-Id: ${id}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n`);
      socket.end();
      return;
    case 'extra bytes': {
      const body = patternOf(id, 100);
      raw(`${OK}X-Id: ${id}\r\nContent-Length: 100\r\n\r\n${body.toString('latin1')}HTTP/1.1 200 OK\r\nX-Id: poison\r\nContent-Length: 6\r\n\r\npoison`);
      socket.end();
      return;
    }
    case 'slow': {
      response.writeHead(200, { 'x-id': id, 'content-length': 100 });
      const body = patternOf(id, 100);
      let at = 0;
      const timer = setInterval(() => {
        response.write(body.subarray(at, (at += 20)));
        if (at < body.length) return;
        clearInterval(timer);
        response.end();
      }, 40);
      response.on('close', () => clearInterval(timer));
      return;
    }
    case 'answer early':
      // Before the request is complete; the rest of it nobody reads.
      request.pause();
      response.writeHead(200, { 'x-id': id, 'content-length': 100, connection: 'close' });
      response.end(patternOf(id, 100));
      return;
    default:
      return fault satisfies never;
  }
}

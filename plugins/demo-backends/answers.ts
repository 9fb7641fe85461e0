/** What a demo backend answers: who it is and what it was asked, and a few paths to play with. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

/** What a proxy adds, and so what somebody who tries one wants to see. */
const SHOWN_HEADERS = ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'via'];
const LONGEST_WAIT_MS = 60_000;
const MOST_BYTES = 1_073_741_824;
const CHUNK = Buffer.alloc(65_536, 'steelyard ');

export function answer(number: number, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('x-demo-backend', String(number));
  response.setHeader('x-content-type-options', 'nosniff');
  const url = URL.parse(request.url ?? '/', 'http://demo');
  const [, what = '', argument = ''] = (url?.pathname ?? '/').split('/');
  switch (what) {
    case 'healthz':
      return say(response, 200, 'ok\n');
    case 'status': {
      const status = within(argument, 200, 599);
      return status === undefined ? say(response, 400, 'usage: /status/200 to /status/599\n') : say(response, status, `status ${status} from backend ${number}\n`);
    }
    case 'slow': {
      const waitMs = within(url?.searchParams.get('ms') ?? '1000', 0, LONGEST_WAIT_MS);
      if (waitMs === undefined) return say(response, 400, `usage: /slow?ms=0 to /slow?ms=${LONGEST_WAIT_MS}\n`);
      const timer = setTimeout(() => say(response, 200, introduce(number, request)), waitMs);
      response.once('close', () => clearTimeout(timer));
      return;
    }
    case 'bytes': {
      const length = within(argument, 0, MOST_BYTES);
      return length === undefined ? say(response, 400, `usage: /bytes/0 to /bytes/${MOST_BYTES}\n`) : sendBytes(response, length);
    }
    case 'echo':
      return echo(request, response);
    default:
      return say(response, 200, introduce(number, request));
  }
}

function introduce(number: number, request: IncomingMessage): string {
  const shown = SHOWN_HEADERS.flatMap((name) => (request.headers[name] === undefined ? [] : [`${name}: ${String(request.headers[name])}`]));
  const lines = [`backend ${number}, process ${process.pid}, port ${request.socket.localPort}`, '', `${request.method} ${request.url} HTTP/${request.httpVersion}`, ...shown];
  return `${lines.join('\n')}\n`;
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...(status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(text) }) });
  response.end(text);
}

function sendBytes(response: ServerResponse, length: number): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': length });
  let left = length;
  const write = (): void => {
    while (left > 0) {
      const piece = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= piece.length;
      if (!response.write(piece)) return void response.once('drain', write);
    }
    response.end();
  };
  write();
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('content-type', 'application/octet-stream');
  if (request.headers['content-length'] !== undefined) response.setHeader('content-length', request.headers['content-length']);
  // A client that leaves in the middle is no fault of ours.
  pipeline(request, response, () => {});
}

/** The number that a piece of a target is, if it is a whole one in the range. */
function within(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= least && value <= most ? value : undefined;
}

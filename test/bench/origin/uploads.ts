/**
 * The origin for uploads: reads a body to its end, throws it away, and only then answers with how long it was.
 * nginx as an origin would answer before the body is there, or write it to a disk.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const { BENCH_BODY: body = '', BENCH_ORIGIN_PORTS: ports = '' } = process.env;
const requestsOn = new WeakMap<Socket, number>();

for (const port of ports.split(',').map(Number)) {
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
    requestsOn.set(request.socket, (requestsOn.get(request.socket) ?? 0) + 1);
    if (request.method === 'POST') answerUpload(request, response);
    else answer(response, request.url === '/seen' ? seen(request, port) : body);
  });
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
}

function answerUpload(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => answer(response, `bytes=${bytes}\n`));
}

function answer(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** The same lines as in nginx.conf beside this file. */
function seen(request: IncomingMessage, port: number): string {
  const names = ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'via'];
  const lines = [`backend=${port}`, `requests-on-connection=${requestsOn.get(request.socket)}`, ...names.map((name) => `${name}=${String(request.headers[name] ?? '')}`)];
  return `${lines.join('\n')}\n`;
}

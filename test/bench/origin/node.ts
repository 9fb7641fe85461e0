/** The origin where there is no nginx: slower than the proxies, so throughput and latency are then the origin's; CPU time per request stays the proxy's. */
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const { BENCH_BODY: body = '', BENCH_ORIGIN_PORTS: ports = '' } = process.env;
const requestsOn = new WeakMap<Socket, number>();

for (const port of ports.split(',').map(Number)) {
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const text = request.url === '/seen' ? seen(request, port) : body;
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) });
    response.end(text);
  });
  server.listen(port, '127.0.0.1');
}

/** The same lines as in nginx.conf beside this file. */
function seen(request: IncomingMessage, port: number): string {
  const count = (requestsOn.get(request.socket) ?? 0) + 1;
  requestsOn.set(request.socket, count);
  const names = ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'];
  const lines = [`backend=${port}`, `requests-on-connection=${count}`, ...names.map((name) => `${name}=${String(request.headers[name] ?? '')}`)];
  return `${lines.join('\n')}\n`;
}

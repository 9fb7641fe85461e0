/** fast-proxy as a balancer: one instance a backend, each with the undici pool that its README says is fastest, taken in turn. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import fastProxy from 'fast-proxy';

const { BENCH_PORT: port = '', BENCH_ORIGIN_PORTS: originPorts = '', BENCH_PIPELINING: pipelining = '1' } = process.env;
// As in the README's example, where answers are small. With large ones a pipelining of 10 stalls it: after clients have left in mid-answer,
// requests wait for ever behind bodies that nobody reads.
const undici = { connections: 100, pipelining: Number(pipelining) };
const proxies = originPorts.split(',').map((originPort) => fastProxy({ base: `http://127.0.0.1:${originPort}`, undici }));
let next = 0;

/** It adds X-Forwarded-Host alone, and passes hop-by-hop fields on, which undici refuses. */
function rewriteRequestHeaders({ headers: { host }, socket }: IncomingMessage, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (host !== undefined) headers.host = host;
  headers['x-forwarded-for'] = socket.remoteAddress;
  headers['x-forwarded-proto'] = 'http';
  headers.via = '1.1 fast-proxy';
  delete headers.connection;
  return headers;
}

/** The backend's `Connection` is not the client's. */
function rewriteHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  delete headers.connection;
  delete headers['keep-alive'];
  return headers;
}

const options = { rewriteRequestHeaders, rewriteHeaders } as object;
const server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 }, (request, response) => {
  next = next + 1 === proxies.length ? 0 : next + 1;
  proxies[next]!.proxy(request, response, request.url!, options);
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

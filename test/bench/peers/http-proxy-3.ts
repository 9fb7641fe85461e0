/** http-proxy-3 as a balancer: it has no pools of its own, so the backends are taken in turn here. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const { BENCH_PORT: port = '', BENCH_ORIGIN_PORTS: originPorts = '' } = process.env;
const targets = originPorts.split(',').map((originPort) => new URL(`http://127.0.0.1:${originPort}`));
// `connection` of its own: it would pass on a client's `close`, and open a connection to the backend for every request.
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxFreeSockets: 1024 }), xfwd: true, headers: { via: '1.1 http-proxy-3', connection: 'keep-alive' } });
let next = 0;

// Neither does it keep the backend's `Connection` from the client.
proxy.on('proxyRes', (answer, request) => {
  answer.headers.connection = request.headers.connection ?? 'keep-alive';
});
// Without a listener an error of a backend would end the process.
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502).end();
  else response.destroy();
});
const server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 }, (request, response) => {
  next = next + 1 === targets.length ? 0 : next + 1;
  proxy.web(request, response, { target: targets[next]! });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

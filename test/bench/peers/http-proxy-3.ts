/** http-proxy-3 as a balancer: it has no pools of its own, so the backends are taken in turn here. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const { BENCH_PORT: port = '', BENCH_ORIGIN_PORTS: originPorts = '' } = process.env;
const targets = originPorts.split(',').map((originPort) => new URL(`http://127.0.0.1:${originPort}`));
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxFreeSockets: 1024 }), xfwd: true });
let next = 0;

// Without a listener an error of a backend would end the process.
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502).end();
});
const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  next = next + 1 === targets.length ? 0 : next + 1;
  proxy.web(request, response, { target: targets[next]! });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

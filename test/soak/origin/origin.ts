/**
 * A process with the backends of the soak: http (with upgrades that echo) at some addresses, tcp that echoes at others. Arguments: JSON of
 * `Listens`. It says `ready` to its parent when all of them listen, and ends with it.
 */
import http from 'node:http';
import net from 'node:net';
import { commit, FAULTS, type Fault } from './faults.ts';
import { digestOf, patternOf } from './pattern.ts';

export interface Listens {
  http: { host: string; port: number }[];
  tcp: { host: string; port: number }[];
}

const { http: httpAddresses, tcp: tcpAddresses } = JSON.parse(process.argv[2] ?? '{"http":[],"tcp":[]}') as Listens;

/** Of the last POSTs: one that comes again was delivered twice, which nobody may do. */
const posts = new Set<string>();
const MOST_POSTS = 100_000;
let malformed = 0;

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const { method = '', headers } = request;
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  const id = String(headers['x-id']);
  const fault = headers['x-fault'] as Fault | undefined;
  if (fault === 'answer early') return commit(fault, request, response, id, 0);
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('error', () => {});
  request.on('end', () => {
    if (fault !== undefined && FAULTS.includes(fault)) return commit(fault, request, response, id, malformed++);
    const answer = patternOf(id, Number(headers['x-answer-bytes'] ?? 0));
    const told: Record<string, string | number> = { 'x-id': id, 'x-got': digestOf(Buffer.concat(parts)) };
    if (method === 'POST') {
      if (posts.has(id)) told['x-twice'] = 1;
      if (posts.size >= MOST_POSTS) posts.clear();
      posts.add(id);
    }
    if (headers['x-answer-chunked'] === undefined) told['content-length'] = answer.length;
    response.writeHead(200, told);
    if (method === 'HEAD') response.end();
    else if (headers['x-answer-chunked'] === undefined) response.end(answer);
    else {
      const middle = answer.length >> 1;
      response.write(answer.subarray(0, middle));
      response.end(answer.subarray(middle));
    }
  });
});
// Each echoes until either side ends. `X-Leave-After` bytes, where it is given, the backend is the one that leaves.
server.on('upgrade', (request, socket: net.Socket, head: Buffer) => {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Id: ${String(request.headers['x-id'])}\r\n\r\n`);
  socket.write(head);
  echo(socket, Number(request.headers['x-leave-after'] ?? Infinity) - head.length);
});

function echo(socket: net.Socket, leaveAfter = Infinity): void {
  let left = leaveAfter;
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('data', (bytes: Buffer) => {
    left -= bytes.length;
    if (!socket.write(bytes)) socket.pause();
    if (left <= 0) socket.end();
  });
  socket.on('drain', () => socket.resume());
}

function listen(made: net.Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    made.once('error', reject);
    made.listen({ host, port, backlog: 1_024 }, resolve);
  });
}

// One server has one listening socket: further addresses hand their connections to it.
const door = (): net.Server => net.createServer({ allowHalfOpen: true }, (socket) => void server.emit('connection', socket));
await Promise.all([
  ...httpAddresses.map((address) => listen(door(), address)),
  ...tcpAddresses.map((address) => listen(net.createServer({ allowHalfOpen: true }, (socket) => echo(socket)), address)),
]);
process.on('disconnect', () => process.exit());
process.send?.('ready');

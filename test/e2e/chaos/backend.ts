/**
 * A backend process for the chaos test. Answers with the id of the request, and writes each non-idempotent request that it was
 * delivered to a file, with a system call, before it answers: a SIGKILL loses nothing of that.
 * Arguments: port (0 = any), file.
 */
import { openSync, writeSync } from 'node:fs';
import http from 'node:http';

const [port = '0', file = ''] = process.argv.slice(2);
const log = openSync(file, 'a');

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/healthz') {
    response.end('ok');
    return;
  }
  const id = request.headers['x-id'] as string;
  if (request.method === 'POST') writeSync(log, `${id}\n`);
  let size = 0;
  request.on('data', (bytes: Buffer) => (size += bytes.length));
  request.on('end', () => response.end(`${id} ${size}`));
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 }, () => {
  const address = server.address();
  if (typeof address === 'object') process.send?.(address?.port);
});
process.on('disconnect', () => process.exit());

/** One demo backend: a process that tells its parent its port, and lives until it is killed or the parent is gone. */
import { createServer } from 'node:http';
import { answer } from './answers.ts';

/** What is under way when it is told to end may still finish for so long. Milliseconds. */
const FINISH_LIMIT_MS = 1000;

const number = Number(process.argv[2]);
const server = createServer((request, response) => answer(number, request, response));
// A proxy keeps its idle connections for some seconds: the side that knows less should not be the one to close.
server.keepAliveTimeout = 60_000;
// A body may be echoed for as long as it comes.
server.requestTimeout = 0;

let isLeaving = false;
function leave(): void {
  if (isLeaving) return;
  isLeaving = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), FINISH_LIMIT_MS).unref();
}

// The parent ended in whatever way, SIGKILL too: nothing is left behind.
process.on('disconnect', leave);
process.on('SIGTERM', leave);
// Ctrl-C and a closed terminal reach the whole group; the balancer drains first and ends its backends last.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});

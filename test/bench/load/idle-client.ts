/**
 * `idle-client.ts <port> <count>`: opens connections to 127.0.0.1, a few at a time, makes one request on each, prints `{"failures":n}` when all were answered,
 * and holds them until its standard input ends.
 */
import { connect, type Socket } from 'node:net';

/** So few that no listener's queue overflows. */
const AT_A_TIME = 64;
const ANSWER_LIMIT_MS = 10_000;
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench.example\r\n\r\n';

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const held: Socket[] = [];
let failures = 0;

async function openOne(): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  held.push(socket);
  const isAnswered = await new Promise<boolean>((resolve) => {
    socket.setTimeout(ANSWER_LIMIT_MS, () => resolve(false));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.write(REQUEST));
    socket.once('data', (bytes) => resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200 ')));
  });
  socket.setTimeout(0);
  if (!isAnswered) failures++;
  // One that is closed while it should be idle has failed too, but only until the count is told.
  socket.on('error', () => {}).resume();
}

let begun = 0;
async function openInTurn(): Promise<void> {
  while (begun < count) {
    begun++;
    await openOne();
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, openInTurn));
console.log(JSON.stringify({ failures: failures + held.filter((socket) => socket.destroyed || socket.readableEnded).length }));
process.stdin.resume().once('end', () => process.exit(0));

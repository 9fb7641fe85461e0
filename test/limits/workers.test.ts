/** Limits of connections hold over all worker threads together. */
import net from 'node:net';
import { expect, it } from 'vitest';
import { namedOrigin } from '../e2e/support/origin.ts';
import { Peer } from '../e2e/support/peer.ts';
import { ask, startCrew } from '../e2e/workers/support.ts';
import { until } from './support.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Connections from sources that the system spreads over the threads, each with a request. */
function open(port: number, count: number, localAddress = '127.0.0.1'): Peer[] {
  return Array.from({ length: count }, () => {
    const peer = new Peer(net.connect({ port, host: '127.0.0.1', localAddress }));
    peer.socket.write(GET);
    return peer;
  });
}
const served = (peers: readonly Peer[]): Peer[] => peers.filter(({ text }) => text.includes('here'));
const workersOf = (peers: readonly Peer[]): Set<string> => new Set(peers.map(({ text }) => /x-worker: (\d+)/i.exec(text)![1]!));

it('so many connections are open in all, whichever thread has them, and a thread that dies gives its own back', async () => {
  const { port, balancer } = await startCrew({ backends: [(await namedOrigin('here')).url], maxConnections: 8 });
  const peers = open(port, 40);
  await until(() => served(peers).length === 8);
  // Those that are in are served on; nobody else gets in meanwhile.
  for (let turn = 0; turn < 20; turn++) {
    const [one] = served(peers);
    const { length } = one!.text;
    one!.socket.write(GET);
    await until(() => one!.text.length > length);
  }
  expect(served(peers)).toHaveLength(8);
  for (const { socket } of served(peers)) socket.destroy();
  await until(() => served(peers).length === 16);
  for (const { socket } of peers) socket.destroy();
  await until(async () => (await ask(port)).status === 200);
  const again = open(port, 8);
  await until(() => served(again).length === 8);
  const worker = [...workersOf(again)][0]!;
  again.find((peer) => workersOf([peer]).has(worker))!.socket.write('GET /exit HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => again.filter(({ isClosed }) => isClosed).length > 0);
  const lost = again.filter((peer) => workersOf([peer]).has(worker)).length;
  await until(() => again.filter(({ isClosed }) => isClosed).length === lost);
  const more = open(port, lost);
  // A connection that the system gave to the dead thread meanwhile is lost with it.
  await until(() => served(more).length + more.filter(({ isClosed }) => isClosed).length === lost);
  expect(balancer.describe().listeners[0]).toMatchObject({ port });
});

it('so many connections of a listener, and of one address, whichever thread has them', async () => {
  const { port } = await startCrew({ backends: [(await namedOrigin('here')).url], limits: { maxConnectionsPerAddress: 5 } });
  const first: Peer[] = [];
  // One after the other: two that come at the same moment in two threads may both be refused at the last place.
  for (let count = 0; count < 15; count++) {
    const [peer] = open(port, 1, '127.0.0.2') as [Peer];
    first.push(peer);
    await until(() => served([peer]).length === 1 || peer.isClosed);
  }
  expect([served(first).length, first.filter(({ isClosed }) => isClosed).length]).toEqual([5, 10]);
  expect(workersOf(served(first)).size).toBeGreaterThan(0);
  const [other] = open(port, 1, '127.0.0.3') as [Peer];
  await until(() => served([other]).length === 1);
  for (const { socket } of first) socket.destroy();
  await until(async () => {
    const [peer] = open(port, 1, '127.0.0.2') as [Peer];
    await until(() => served([peer]).length === 1 || peer.isClosed);
    return served([peer]).length === 1;
  });
});

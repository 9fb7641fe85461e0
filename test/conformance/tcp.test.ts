/** Steelyard against the table's rows on TCP. */
import { describe, expect, it } from 'vitest';
import { start } from '../e2e/support/balancer.ts';
import { Peer, tcpOrigin } from '../e2e/support/peer.ts';
import { tcpTo } from '../e2e/support/tcp.ts';
import { tcp, type TcpStep } from './cases/tcp.ts';

async function take([, does, what]: TcpStep, peer: Peer): Promise<void> {
  switch (does) {
    case 'sends':
      return void peer.send(Buffer.from(what, 'latin1'));
    case 'ends':
      return void peer.end();
    case 'resets':
      return peer.reset();
    case 'gets':
      return peer.untilBytes(what);
    case 'sees end':
      return peer.ended();
    case 'sees reset':
      return expect(await peer.closed()).toBe('ECONNRESET');
    default:
      return does satisfies never;
  }
}

describe('the table, TCP', () => {
  it.each(tcp.map((one) => [`row ${one.row}: ${one.name}`, one] as const))('%s', async (_title, { steps }) => {
    const origin = await tcpOrigin();
    const { port } = await start(tcpTo([origin.url]));
    const client = await Peer.connect(port);
    // Nobody waits for it here: the client may speak before it is connected.
    const backend = origin.next();
    for (const step of steps) await take(step, step[0] === 'client' ? client : await backend);
    const sent = (by: string): string => steps.flatMap(([who, does, what]) => (who === by && does === 'sends' ? [what] : [])).join('');
    expect((await backend).text).toBe(sent('client'));
    expect(client.text).toBe(sent('origin'));
    const isFin = (by: string): boolean => steps.some(([who, does]) => who === by && does === 'ends');
    expect([client.hasEnded, (await backend).hasEnded]).toEqual([isFin('origin'), isFin('client')]);
  });
});

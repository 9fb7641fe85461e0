import { describe, expect, it, onTestFinished } from 'vitest';
import type { DataThread } from '../../core/src/data-thread.ts';
import { Deadlines } from '../../core/src/sockets/deadlines.ts';
import { OutSlab } from '../../core/src/sockets/out-slab.ts';
import type { Socket, SocketHandler } from '../../core/src/sockets/socket.ts';
import { Tunnel, type TunnelEnd } from '../../core/src/stream/tunnel.ts';

/** Writes down what it is asked to do. */
class FakeSocket implements Socket {
  handler!: SocketHandler;
  isClogged = false;
  readonly isGone = false;
  readonly asked: string[] = [];
  readonly remoteAddress = '';
  readonly remotePort = 0;
  readonly localAddress = '';
  readonly localPort = 0;
  readonly descriptor = -1;
  readonly unsentBytes = 0;
  send(bytes: Buffer, start: number, end: number): boolean {
    this.asked.push(`send ${bytes.toString('latin1', start, end)}`);
    return !this.isClogged;
  }
  pause(): void {
    this.asked.push('pause');
  }
  resume(): void {}
  shutdown(): void {
    this.asked.push('shutdown');
  }
  destroy(): void {
    this.asked.push('destroy');
  }
  reset(): void {
    this.asked.push('reset');
  }
}

function tunnel(): { client: FakeSocket; backend: FakeSocket; ends: TunnelEnd[] } {
  const thread = { out: new OutSlab(), deadlines: new Deadlines() } as unknown as DataThread;
  const [client, backend] = [new FakeSocket(), new FakeSocket()];
  const ends: TunnelEnd[] = [];
  const made = new Tunnel(thread, client, backend, 60_000, (end) => ends.push(end));
  onTestFinished(() => thread.deadlines.remove(made));
  made.begin({});
  return { client, backend, ends };
}

describe('the FIN of one side', () => {
  it('leaves the other direction open', () => {
    const { client, backend } = tunnel();
    client.handler.onEnd();
    backend.handler.onBytes(Buffer.from('answer'), 0, 6);
    expect(backend.asked).toEqual(['shutdown']);
    expect(client.asked).toEqual(['send answer']);
  });

  it('behind that of the other goes out by the close, and the tunnel ends in order', () => {
    const { client, backend, ends } = tunnel();
    client.handler.onEnd();
    backend.handler.onEnd();
    expect(client.asked).toEqual(['destroy']);
    client.handler.onClose(undefined);
    backend.handler.onClose(undefined);
    expect(ends).toEqual(['nobody']);
  });

  it('does not overtake bytes that wait', () => {
    const { client, backend } = tunnel();
    client.handler.onEnd();
    client.isClogged = true;
    backend.handler.onBytes(Buffer.from('answer'), 0, 6);
    backend.handler.onEnd();
    expect(backend.asked).toEqual(['shutdown', 'pause']);
    expect(client.asked).toEqual(['send answer', 'shutdown']);
  });
});

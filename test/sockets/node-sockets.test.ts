import { describe, expect, it, onTestFinished } from 'vitest';
import { NodeSocketEngine } from '../../core/src/sockets/node-sockets.ts';
import type { Socket, SocketHandler } from '../../core/src/sockets/socket.ts';
import { Peer } from '../e2e/support/peer.ts';

/** Says what it is told. */
class Listening implements SocketHandler {
  readonly said: string[] = [];
  readonly #closed = Promise.withResolvers<void>();
  onBytesDo: () => void = () => {};
  onOpen(): void {}
  onBytes(): void {
    this.onBytesDo();
  }
  onEnd(): void {
    this.said.push('end');
  }
  onDrain(): void {
    this.said.push('drain');
  }
  onClose(error: Error | undefined): void {
    this.said.push(error ? `close: ${error.message}` : 'close');
    this.#closed.resolve();
  }
  closed(): Promise<void> {
    return this.#closed.promise;
  }
}

/** An accepted socket of the engine, and the client at its other end. */
async function pair(): Promise<{ socket: Socket; handler: Listening; client: Peer }> {
  const handler = new Listening();
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const accept = (socket: Socket): void => {
    socket.handler = handler;
    resolve(socket);
  };
  const listening = await new NodeSocketEngine().listen({ host: '127.0.0.1', port: 0, backlog: 8 }, accept, reject);
  onTestFinished(() => listening.close());
  const client = await Peer.connect(listening.port, false);
  return { socket: await promise, handler, client };
}

describe('reset', () => {
  it('closes a socket also while its FIN is on its way out', async () => {
    const { socket, handler, client } = await pair();
    handler.onBytesDo = () => {
      socket.shutdown();
      socket.reset();
    };
    client.send('x');
    await handler.closed();
    expect(handler.said).toEqual(['close']);
    await client.ended().catch(() => {});
  });

  it('does not wait for a peer that reads nothing', async () => {
    const { socket, handler, client } = await pair();
    client.socket.pause();
    expect(socket.send(Buffer.alloc(32_000_000), 0, 32_000_000)).toBe(false);
    socket.shutdown();
    socket.reset();
    await handler.closed();
    client.socket.resume();
    expect(await client.closed()).toBe('ECONNRESET');
    expect(client.hasEnded).toBe(false);
  });
});

describe('shutdown', () => {
  it('behind several sends that wait loses none of them, and the drain is told once', async () => {
    const { socket, handler, client } = await pair();
    const size = 16_000_000;
    expect(socket.send(Buffer.alloc(size), 0, size)).toBe(false);
    expect(socket.send(Buffer.alloc(size), 0, size)).toBe(false);
    // The first one is gone, the second is on its way and too large for the kernel's buffers: the third waits behind it.
    await client.untilBytes(size + 1);
    expect(socket.send(Buffer.alloc(size), 0, size)).toBe(false);
    socket.shutdown();
    await client.ended();
    client.end();
    await handler.closed();
    expect(client.bytes).toBe(3 * size);
    expect(handler.said.filter((word) => word === 'drain')).toHaveLength(1);
    expect(handler.said).not.toContainEqual(expect.stringContaining('close:'));
  });
});

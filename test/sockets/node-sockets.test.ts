import { createHash } from 'node:crypto';
import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
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

/** How sockets write: on Node's handles, or only by what is public. */
const WAYS = [{ way: 'on handles', isPublicOnly: false }, { way: 'publicly', isPublicOnly: true }];

/** An accepted socket of the engine, and the client at its other end. */
async function pairOf(engine: NodeSocketEngine): Promise<{ socket: Socket; handler: Listening; client: Peer }> {
  const handler = new Listening();
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const accept = (socket: Socket): void => {
    socket.handler = handler;
    resolve(socket);
  };
  const listening = await engine.listen({ host: '127.0.0.1', port: 0, backlog: 8 }, accept, reject);
  onTestFinished(() => listening.close());
  const client = await Peer.connect(listening.port, false);
  return { socket: await promise, handler, client };
}

/** The first write of an engine is always a public one: the pair that is given comes after it. */
async function pair(isPublicOnly: boolean): Promise<{ socket: Socket; handler: Listening; client: Peer }> {
  const engine = new NodeSocketEngine(isPublicOnly);
  const first = await pairOf(engine);
  expect(first.socket.send(Buffer.from('x'), 0, 1)).toBe(true);
  first.socket.destroy();
  await first.handler.closed();
  return pairOf(engine);
}

describe.each(WAYS)('written $way', ({ isPublicOnly }) => {
  it('bytes arrive in order, whatever the kernel took at once', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    const write = vi.spyOn(net.Socket.prototype, 'write');
    onTestFinished(() => write.mockRestore());
    const parts = Array.from({ length: 40 }, (_, index) => Buffer.alloc(index % 4 === 0 ? 1_000_000 : 300 + index, 65 + index));
    for (const part of parts) {
      const bytes = Buffer.concat([Buffer.from('before'), part, Buffer.from('behind')]);
      // Gone = the memory is ours again.
      if (socket.send(bytes, 6, 6 + part.length)) bytes.fill('!');
    }
    expect(socket.isClogged).toBe(true);
    socket.shutdown();
    await client.ended();
    expect(socket.isClogged).toBe(false);
    client.end();
    await handler.closed();
    expect(client.digest()).toBe(createHash('sha256').update(Buffer.concat(parts)).digest('hex'));
    expect(handler.said).toEqual(['drain', 'end', 'close']);
    expect(write.mock.calls.length > 0).toBe(isPublicOnly);
  });

  it('a peer that is gone is an error, told once by the close', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    // The write that meets the reset fails, at once or under way.
    expect(socket.send(Buffer.alloc(32_000_000), 0, 32_000_000)).toBe(false);
    client.socket.resetAndDestroy();
    await handler.closed();
    expect(handler.said).toEqual([expect.stringMatching(/^close: (read|write) (ECONNRESET|EPIPE)$/)]);
    expect(socket.send(Buffer.from('x'), 0, 1)).toBe(true);
  });

  it('bytes behind a reset that was not read yet fail, and the close tells why', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    socket.pause();
    client.socket.resetAndDestroy();
    await client.closed();
    for (let tries = 0; handler.said.length === 0 && tries < 100; tries++) {
      socket.send(Buffer.from('x'), 0, 1);
      await new Promise(setImmediate);
    }
    await handler.closed();
    expect(handler.said).toEqual([expect.stringMatching(/^close: write (ECONNRESET|EPIPE)$/)]);
  });

  it('what waits is lost by destroy, and no drain is told', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    expect(socket.send(Buffer.alloc(32_000_000), 0, 32_000_000)).toBe(false);
    socket.destroy();
    await handler.closed();
    expect(handler.said).toEqual(['close']);
    await client.ended();
    expect(client.bytes).toBeLessThan(32_000_000);
  });

  it('reset closes a socket also while its FIN is on its way out', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    handler.onBytesDo = () => {
      socket.shutdown();
      socket.reset();
    };
    client.send('x');
    await handler.closed();
    expect(handler.said).toEqual(['close']);
    await client.ended().catch(() => {});
  });

  it('reset does not wait for a peer that reads nothing', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
    client.socket.pause();
    expect(socket.send(Buffer.alloc(32_000_000), 0, 32_000_000)).toBe(false);
    socket.shutdown();
    socket.reset();
    await handler.closed();
    client.socket.resume();
    expect(await client.closed()).toBe('ECONNRESET');
    expect(client.hasEnded).toBe(false);
  });

  it('shutdown behind several sends that wait loses none of them, and the drain is told once', async () => {
    const { socket, handler, client } = await pair(isPublicOnly);
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

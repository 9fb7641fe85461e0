import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { OutSlab } from '../../core/src/sockets/out-slab.ts';
import type { Socket } from '../../core/src/sockets/socket.ts';

/** A socket as the interface says: what it does not take at once it reads from the given memory later. */
class SlowSocket {
  readonly expected: string[] = [];
  readonly pending: { bytes: Buffer; start: number; end: number; text: string }[] = [];
  isSlow = false;

  send(bytes: Buffer, start: number, end: number): boolean {
    const text = bytes.toString('latin1', start, end);
    this.expected.push(text);
    if (!this.isSlow) return true;
    this.pending.push({ bytes, start, end, text });
    return false;
  }
  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

function write(slab: OutSlab, socket: SlowSocket, text: string): void {
  const from = slab.reserve(text.length);
  const end = from + slab.bytes.write(text, from, 'latin1');
  slab.send(socket.asSocket(), end);
}

it('uses the same place again for what was gone at once', () => {
  const slab = new OutSlab();
  const socket = new SlowSocket();
  const places = Array.from({ length: 3 }, () => {
    const at = slab.reserve(10);
    slab.send(socket.asSocket(), at + 10);
    return at;
  });
  expect(places).toEqual([0, 0, 0]);
});

it('gives room for messages larger than itself, and for none at all', () => {
  const slab = new OutSlab();
  const socket = new SlowSocket();
  const large = 'x'.repeat(1_000_000);
  write(slab, socket, large);
  write(slab, socket, '');
  expect(socket.expected).toEqual([large, '']);
});

it('relays bytes whose memory is overwritten right after', () => {
  const slab = new OutSlab();
  const socket = new SlowSocket();
  socket.isSlow = true;
  const shared = Buffer.from('..first..');
  slab.relay(socket.asSocket(), shared, 2, 7);
  shared.fill('!');
  expect(socket.pending[0]!.bytes.toString('latin1', socket.pending[0]!.start, socket.pending[0]!.end)).toBe('first');
});

it('never writes over bytes that a socket still reads from', () => {
  const message = fc.record({ socket: fc.nat({ max: 2 }), size: fc.integer({ min: 0, max: 120_000 }), isSlow: fc.boolean() });
  fc.assert(fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
    const slab = new OutSlab();
    const sockets = [new SlowSocket(), new SlowSocket(), new SlowSocket()];
    for (const [index, { socket, size, isSlow }] of messages.entries()) {
      const to = sockets[socket]!;
      to.isSlow = isSlow;
      write(slab, to, String.fromCharCode(97 + (index % 26)).repeat(size));
    }
    for (const { pending } of sockets) for (const { bytes, start, end, text } of pending) expect(bytes.toString('latin1', start, end) === text).toBe(true);
  }), { numRuns: 30 });
});

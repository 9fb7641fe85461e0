/**
 * Where outgoing messages are put together: one slab per thread. A message is composed at `reserve`'s position and sent from there.
 * When the socket took every byte the position may serve again, else it moves on and never back, because the kernel's queue still
 * points into it; a full slab is left to the writes that hold it, and a new one is begun.
 */
import type { Socket } from './socket.ts';

const SLAB_BYTES = 262_144;

export class OutSlab {
  bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #base = 0;

  /** The position from which at least `size` bytes may be written into `bytes`. Valid until the next call of any method. */
  reserve(size: number): number {
    if (this.#base + size > this.bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size));
      this.#base = 0;
    }
    return this.#base;
  }

  /** Sends what was composed from `reserve`'s position up to `end`. */
  send(socket: Socket, end: number): boolean {
    const gone = socket.send(this.bytes, this.#base, end);
    if (!gone) this.#base = end;
    return gone;
  }

  /** Sends bytes whose memory will not last: copies them into the slab first. */
  relay(socket: Socket, bytes: Buffer, start: number, end: number): boolean {
    const at = this.reserve(end - start);
    bytes.copy(this.bytes, at, start, end);
    return this.send(socket, at + end - start);
  }
}

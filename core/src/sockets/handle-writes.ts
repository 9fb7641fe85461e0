/**
 * Writing to the TCP handle beneath a `net.Socket`, past its `Writable`, which has nothing to give here: order, back-pressure and the
 * FIN behind the bytes are libuv's, and it costs a third of a small request's user time and half of its garbage.
 * Internals of `node:net`. What is not as expected is written by the public way.
 */
import type { Socket as PublicSocket } from 'node:net';

/** A write that libuv has not ended yet; until then it reads from the memory. */
export interface WriteRequest {
  /** Called with 0, or an error number of libuv. */
  oncomplete: ((status: number) => void) | null;
  /** Keeps the memory alive. */
  buffer: Uint8Array | null;
  /** The status, when it ended before `oncomplete` was there. */
  writeStatus?: number | null;
}

/** What is used of a TCP handle of Node. */
export interface WritableHandle {
  /** A number when it is over, 0 or an error number of libuv; `undefined` when the handle is gone; else the request under way. */
  writeBuffer: (request: null, bytes: Uint8Array) => number | WriteRequest | undefined;
}

interface HandleOwner {
  readonly _handle?: WritableHandle | null;
}

/**
 * Learns how the handles of this Node write. Older ones take a request object of a hidden class and end the process where it is
 * missing, so nothing is tried out: the first write of all is left to `net.Socket`, and watched.
 */
export class HandleWrites {
  #hasLearnt: boolean;
  #isUsable = false;

  /** @param isAllowed false: all writes go the public way. */
  constructor(isAllowed: boolean) {
    this.#hasLearnt = !isAllowed;
  }

  /** Where the socket's bytes may be written directly; `undefined` = by `write`, for the life of this socket. */
  handleOf(socket: PublicSocket): WritableHandle | undefined {
    return this.#isUsable ? ((socket as HandleOwner)._handle ?? undefined) : undefined;
  }

  /** Writes the public way. */
  write(socket: PublicSocket, bytes: Uint8Array): void {
    const handle = (socket as HandleOwner)._handle;
    if (this.#hasLearnt || typeof handle?.writeBuffer !== 'function') {
      socket.write(bytes);
      return;
    }
    this.#hasLearnt = true;
    const inherited = handle.writeBuffer;
    handle.writeBuffer = (...given): number | WriteRequest | undefined => {
      const result = Reflect.apply(inherited, handle, given);
      this.#isUsable = given[0] === null && isResult(result);
      return result;
    };
    socket.write(bytes);
    Reflect.deleteProperty(handle, 'writeBuffer');
  }
}

function isResult(result: unknown): boolean {
  return result === 0 || (typeof result === 'object' && result !== null && 'oncomplete' in result && 'buffer' in result);
}

/** The bytes under the scoreboard: shared and growing in place, or one thread's own and copied when it grows. */
import { SteelyardError } from '@steelyard/sdk';

/**
 * Reserved is address space, which costs neither memory nor time until it is written (measured on Linux: 0.05 ms, and the resident size
 * stays). Where a process may not have so much (`ulimit -v`, a 32-bit build), less is reserved.
 */
export const RESERVED_BYTES = 2 ** 30;

/** What a worker needs to see the same board; goes through `workerData` or `postMessage`. */
export interface ScoreboardMemory {
  readonly buffer: SharedArrayBuffer;
  readonly blocks: number;
}

export interface ScoreboardOptions {
  /** Data threads beside main, 0 to 256. */
  readonly workers: number;
  /** Whether other threads can see it. Must be true with workers. */
  readonly isShared: boolean;
  /** Rows that there is room for at once; more are made when they are needed. Default 64. */
  readonly rows?: number;
  /** What it may grow to. Default 1 GiB, reserved but not used. */
  readonly maxBytes?: number;
}

/** Memory of `bytes` that may grow in place up to `maxBytes`, or to as much of that as the system gives. @throws RangeError when there is not even `bytes`. */
export function reserveShared(bytes: number, maxBytes: number): SharedArrayBuffer {
  for (let most = maxBytes; ; most /= 2) {
    const maxByteLength = Math.max(bytes, Math.floor(most));
    try {
      return new SharedArrayBuffer(bytes, { maxByteLength });
    } catch (error) {
      if (maxByteLength === bytes) throw error;
    }
  }
}

/** The same bytes and more. A SharedArrayBuffer stays the same object, so views that other threads have of it go on being right. */
export function grown<B extends ArrayBufferLike>(buffer: B, bytes: number): B;
export function grown(buffer: ArrayBufferLike, bytes: number): ArrayBufferLike {
  if (buffer instanceof SharedArrayBuffer) {
    buffer.grow(bytes);
    return buffer;
  }
  const larger = new ArrayBuffer(bytes);
  new Uint8Array(larger).set(new Uint8Array(buffer));
  return larger;
}

/** @param rows that there are already, each of `rowBytes` */
export function noRoom(rows: number, rowBytes: number, workers: number, cause: unknown): SteelyardError {
  return new SteelyardError('ERR_STATE', {
    message: `there is no room for more than ${rows} backends, routes and pools`,
    hint: `each takes ${rowBytes} bytes with ${workers} workers: have fewer of them, or fewer workers, or give the process more address space (ulimit -v)`,
    cause,
  });
}

/** Takes a dead thread's share, in the cell `own` of each row, off the row's `total`. Returns the sum of the shares. */
export function returnShares(rows: Int32Array, rowCells: number, total: number, own: number): number {
  let returned = 0;
  for (let base = 0; base < rows.length; base += rowCells) {
    const share = rows[base + own]!;
    if (share === 0) continue;
    Atomics.sub(rows, base + total, share);
    rows[base + own] = 0;
    returned += share;
  }
  return returned;
}

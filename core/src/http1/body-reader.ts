/** The body of one message as it comes in, whatever its framing (RFC 9112 §6.3), and its way into another framing. */
import type { EditJournal } from './edits.ts';
import type { ChunkLimits } from './limits.ts';
import { CHUNK_DATA, CHUNK_END, CHUNK_FAULT, ChunkedDecoder, CRLF, writeChunkHead } from './chunked.ts';

export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

/** What `reframe` may add to the bytes it is given: two chunk lines, the last chunk and its empty lines. */
const REFRAME_OVERHEAD = 64;

export class BodyReader {
  framing: BodyFraming = 'none';
  isComplete = true;
  isBroken = false;
  /** Payload bytes so far. */
  received = 0;
  /** Where the body bytes of the last `reframe` ended: what follows belongs to the next message. */
  at = 0;
  readonly chunks = new ChunkedDecoder();
  #remaining = 0;

  /**
   * @param length in bytes, for framing `length`
   * @param keepsTrailers false: they are read and left out
   * @param limits for framing `chunked`
   * @param edits of the head before it
   */
  begin(framing: BodyFraming, length: number, keepsTrailers = true, limits?: ChunkLimits, edits?: EditJournal): void {
    this.framing = framing;
    this.#remaining = length;
    this.received = 0;
    this.isBroken = false;
    this.isComplete = framing === 'none' || (framing === 'length' && length === 0);
    if (framing === 'chunked') this.chunks.reset(keepsTrailers, limits, edits);
    else this.chunks.forgetTrailers();
  }

  /** The most bytes that `reframe` writes for `size` bytes of input. */
  bound(size: number): number {
    return size + REFRAME_OVERHEAD + (this.framing === 'chunked' ? this.chunks.heldBytes + size : 0);
  }

  /**
   * Moves the body bytes in [from, end) to `target` at `position`, as chunks or as they are; returns the position behind them.
   * Then `at`, `isComplete` and `isBroken` tell how far it came. As chunks, the last chunk is written when the body ends.
   */
  reframe(bytes: Buffer, from: number, end: number, target: Buffer, position: number, asChunks: boolean): number {
    this.at = from;
    if (this.isComplete) return position;
    if (this.framing === 'chunked') return this.#reframeChunks(bytes, end, target, position, asChunks);
    const size = this.framing === 'length' ? Math.min(end - from, this.#remaining) : end - from;
    this.at = from + size;
    this.#remaining -= size;
    const written = this.#write(bytes, from, from + size, target, position, asChunks);
    if (this.framing === 'close' || this.#remaining > 0) return written;
    this.isComplete = true;
    return asChunks ? this.writeEnd(target, written) : written;
  }

  #reframeChunks(bytes: Buffer, end: number, target: Buffer, position: number, asChunks: boolean): number {
    const chunks = this.chunks;
    for (;;) {
      const met = chunks.next(bytes, this.at, end);
      this.at = chunks.at;
      if (met === CHUNK_DATA) {
        position = this.#write(bytes, chunks.dataStart, chunks.dataEnd, target, position, asChunks);
        continue;
      }
      if (met === CHUNK_END) {
        this.isComplete = true;
        return asChunks ? this.writeEnd(target, position) : position;
      }
      this.isBroken = met === CHUNK_FAULT;
      return position;
    }
  }

  #write(bytes: Buffer, from: number, to: number, target: Buffer, position: number, asChunk: boolean): number {
    const size = to - from;
    this.received += size;
    if (size === 0) return position;
    if (!asChunk) {
      bytes.copy(target, position, from, to);
      return position + size;
    }
    position = writeChunkHead(target, position, size);
    bytes.copy(target, position, from, to);
    position += size;
    return position + CRLF.copy(target, position);
  }

  /** The last chunk, with the trailers that came. */
  writeEnd(target: Buffer, position: number): number {
    target[position] = 0x30; // '0'
    position += 1;
    position += CRLF.copy(target, position);
    if (this.framing === 'chunked') position += this.chunks.trailers.copy(target, position);
    return position + CRLF.copy(target, position);
  }
}

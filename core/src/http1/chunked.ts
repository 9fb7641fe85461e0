/** The chunked transfer coding (RFC 9112 §7.1), read strictly. Chunk extensions are dropped: nobody between may rely on them (§7.1.1). */
import { EXTENSION_END, EXTENSION_FAULT, EXTENSION_MARK, nextExtensionState } from './chunk-extension.ts';
import type { EditJournal } from './edits.ts';
import { endsHead } from './field-table.ts';
import { CR, HEX, LF, ZERO } from './grammar.ts';
import { CHUNK_EXTENSION_BYTES, NO_LIMIT, TRAILER_BYTES } from '../limits.ts';
import { CHUNK_LIMITS, type ChunkLimits } from './limits.ts';
import { hasTooManyTrailers, parseTrailers, passableTrailers, trailerFault, unedited } from './trailers.ts';
import { writeCrlf } from './write-bytes.ts';

export const CHUNK_NEED_MORE = 0;
export const CHUNK_DATA = 1;
export const CHUNK_END = 2;
export const CHUNK_FAULT = 3;
export type ChunkMet = typeof CHUNK_NEED_MORE | typeof CHUNK_DATA | typeof CHUNK_END | typeof CHUNK_FAULT;

export const CRLF: Buffer = Buffer.from('\r\n');

/** Size, extensions and CRLF of one chunk. */
const MAX_LINE_BYTES = 256;
/** Line bytes of a chunk that are not held against its sender, and as many more as it has data. */
const HONEST_LINE_BYTES = 16;

/** States; each names what comes next. */
const SIZE = 0;
const SIZE_REST = 1;
const EXTENSION = 2;
const LINE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILER_START = 7;
const END_LF = 8;
const TRAILERS = 9;
const END = 10;
const FAULT = 11;

const NOTHING = Buffer.alloc(0);
const SEMICOLON = 0x3b;

export class ChunkedDecoder {
  /** Where to go on. */
  at = 0;
  /** The data bytes met, after CHUNK_DATA. */
  dataStart = 0;
  dataEnd = 0;
  /** One sentence, after CHUNK_FAULT. */
  faultDetail = '';
  /** The limit that the fault is about. */
  limitMet = NO_LIMIT;
  #limits = CHUNK_LIMITS;
  #state = SIZE;
  /** Size of the chunk, then what is left of it. */
  #left = 0;
  #lineBytes = 0;
  #excessBytes = 0;
  #extension = EXTENSION_MARK;
  /** The trailer section as it comes in; made only when there is one. */
  #section: Buffer = NOTHING;
  #sectionBytes = 0;
  /** At this many bytes an incomplete section is looked at again. */
  #lookAt = 0;
  #trailers: Buffer = NOTHING;
  #keepsTrailers = true;
  /** Of the head before this body. */
  #edits: EditJournal | undefined;

  reset(keepsTrailers = true, limits: ChunkLimits = CHUNK_LIMITS, edits?: EditJournal): void {
    this.#keepsTrailers = keepsTrailers;
    this.#edits = edits;
    this.#limits = limits;
    this.faultDetail = '';
    this.limitMet = NO_LIMIT;
    this.#state = SIZE;
    this.#left = 0;
    this.#lineBytes = 0;
    this.#excessBytes = 0;
    this.#lookAt = 0;
    this.forgetTrailers();
  }

  /** Trailer lines that may be sent on, each ended by CRLF; empty if there are none. Valid until `reset`. */
  get trailers(): Buffer {
    return this.#trailers;
  }
  /** The section as it came, its empty line too, whatever of it may be sent on; empty if there is none. Stays as it is after `reset`. */
  get section(): Buffer {
    return this.#state === END ? this.#section.subarray(0, this.#sectionBytes) : NOTHING;
  }
  /** They may be large, and the next body may be long in coming. */
  forgetTrailers(): void {
    this.#section = NOTHING;
    this.#sectionBytes = 0;
    this.#trailers = NOTHING;
  }
  /** The head has its last edits: trailers that came before them are looked at again. */
  dropEdited(): void {
    if (this.#edits) this.#trailers = unedited(this.#trailers, this.#edits);
  }
  /** Bytes of an incomplete trailer section that came with earlier calls: `trailers` may become that much longer than what the next call reads. */
  get heldBytes(): number {
    return this.#sectionBytes;
  }

  /** Goes on in [at, end) until something is met. After CHUNK_END and CHUNK_FAULT it gives the same again until `reset`. */
  next(bytes: Buffer, at: number, end: number): ChunkMet {
    this.at = at;
    while (this.at < end) {
      switch (this.#state) {
        case SIZE:
        case SIZE_REST:
        case EXTENSION:
          if (!this.#readLine(bytes, end)) return CHUNK_FAULT;
          break;
        case LINE_LF:
          if (!this.#endLine(bytes)) return CHUNK_FAULT;
          break;
        case DATA:
          return this.#takeData(end);
        case DATA_CR:
          if (bytes[this.at] !== CR) return this.#fail('chunk data longer than its size says');
          this.at++;
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[this.at] !== LF) return this.#fail('a bare CR behind chunk data');
          this.at++;
          this.#state = SIZE;
          break;
        case TRAILER_START:
          this.#state = bytes[this.at] === CR ? END_LF : TRAILERS;
          if (this.#state === END_LF) this.at++;
          break;
        case END_LF:
          if (bytes[this.at] !== LF) return this.#fail('a bare CR behind the last chunk');
          this.at++;
          this.#state = END;
          return CHUNK_END;
        case TRAILERS: {
          const met = this.#readTrailers(bytes, end);
          if (met !== CHUNK_NEED_MORE) return met;
          break;
        }
        case END:
          return CHUNK_END;
        default:
          return CHUNK_FAULT;
      }
    }
    if (this.#state === END) return CHUNK_END;
    return this.#state === FAULT ? CHUNK_FAULT : CHUNK_NEED_MORE;
  }

  /** Size and extension, up to the line's CR. False = fault. */
  #readLine(bytes: Buffer, end: number): boolean {
    let at = this.at;
    let detail = '';
    while (at < end) {
      const byte = bytes[at]!;
      at++;
      if (++this.#lineBytes > MAX_LINE_BYTES - CRLF.length && byte !== CR) {
        detail = `a chunk line over ${MAX_LINE_BYTES} bytes`;
        this.limitMet = CHUNK_EXTENSION_BYTES;
        break;
      }
      if (this.#state === EXTENSION) {
        this.#extension = nextExtensionState(this.#extension, byte);
        if (this.#extension === EXTENSION_FAULT) {
          detail = 'a chunk extension that is no name, or name and value';
          break;
        }
        if (this.#extension !== EXTENSION_END) continue;
        this.#state = LINE_LF;
        break;
      }
      const digit = HEX[byte]!;
      if (digit !== 0xff) {
        this.#left = this.#left * 16 + digit;
        this.#state = SIZE_REST;
        if (this.#left <= Number.MAX_SAFE_INTEGER) continue;
        detail = 'a chunk of 2^53 bytes or more';
        break;
      }
      if (this.#state === SIZE || (byte !== CR && byte !== SEMICOLON)) {
        detail = 'a chunk size that is no hexadecimal number';
        break;
      }
      if (byte === CR) {
        this.#state = LINE_LF;
        break;
      }
      this.#state = EXTENSION;
      this.#extension = EXTENSION_MARK;
    }
    this.at = at;
    if (detail !== '') this.#fail(detail);
    return detail === '';
  }

  #endLine(bytes: Buffer): boolean {
    if (bytes[this.at] !== LF) {
      this.#fail('a bare CR in a chunk line');
      return false;
    }
    this.at++;
    this.#excessBytes = Math.max(0, this.#excessBytes + this.#lineBytes - HONEST_LINE_BYTES - this.#left);
    this.#lineBytes = 0;
    this.#state = this.#left === 0 ? TRAILER_START : DATA;
    if (this.#excessBytes <= this.#limits.maxChunkExtensionBytes) return true;
    this.#fail('too many chunk extensions', CHUNK_EXTENSION_BYTES);
    return false;
  }

  #takeData(end: number): ChunkMet {
    this.dataStart = this.at;
    this.dataEnd = Math.min(end, this.at + this.#left);
    this.at = this.dataEnd;
    this.#left -= this.dataEnd - this.dataStart;
    if (this.#left === 0) this.#state = DATA_CR;
    return CHUNK_DATA;
  }

  /** Collects the section, and looks at it when its end may be there or it has doubled: each byte is read a few times at most. */
  #readTrailers(bytes: Buffer, end: number): ChunkMet {
    const most = this.#limits.maxTrailerBytes;
    if (this.#section.length === 0) this.#section = Buffer.allocUnsafe(most);
    const held = this.#sectionBytes;
    const taken = Math.min(end - this.at, most - held);
    bytes.copy(this.#section, held, this.at, this.at + taken);
    this.#sectionBytes = held + taken;
    this.at += taken;
    const isFull = this.#sectionBytes === most;
    if (!isFull && this.#sectionBytes < this.#lookAt && !endsHead(this.#section, held, this.#sectionBytes)) return CHUNK_NEED_MORE;
    this.#lookAt = this.#sectionBytes * 2;
    const sectionEnd = parseTrailers(this.#section, this.#sectionBytes);
    if (sectionEnd < 0) return this.#fail(trailerFault(), hasTooManyTrailers() ? TRAILER_BYTES : NO_LIMIT);
    if (sectionEnd === 0) return isFull ? this.#fail(`a trailer section over ${most} bytes`, TRAILER_BYTES) : CHUNK_NEED_MORE;
    // What came behind the section is the next message's.
    this.at -= this.#sectionBytes - sectionEnd;
    if (this.#keepsTrailers) this.#trailers = passableTrailers(this.#section, this.#edits);
    this.#sectionBytes = sectionEnd;
    this.#state = END;
    return CHUNK_END;
  }

  #fail(detail: string, limit = this.limitMet): ChunkMet {
    this.faultDetail = detail;
    this.limitMet = limit;
    this.#state = FAULT;
    return CHUNK_FAULT;
  }
}

/** The line before a chunk of `size` bytes: hexadecimal and CRLF, at most 16 bytes. Size 0 would end the body. */
export function writeChunkHead(out: Buffer, at: number, size: number): number {
  let end = at + 1;
  for (let rest = size; rest >= 16; rest = Math.floor(rest / 16)) end++;
  let rest = size;
  for (let place = end - 1; place >= at; place--) {
    const next = Math.floor(rest / 16);
    const digit = rest - next * 16;
    out[place] = digit < 10 ? ZERO + digit : 0x57 + digit;
    rest = next;
  }
  return writeCrlf(out, end);
}

/**
 * Field lines (RFC 9112 §5) as offsets: five cells a field in one array that is used again for every head. Nothing is copied
 * and no string is made. Offsets count from the first byte of the message, so they hold in any copy of it.
 */
import type { AskedName } from './asked-names.ts';
import { hashOf, idOf } from './field-names.ts';
import { HEAD_BYTES, HEADER_LINE_BYTES, HEADERS } from '../limits.ts';
import { ALIKE, COLON, CR, HTAB, LF, LOWER, SP, TOKEN, VALUE } from './grammar.ts';

const LINE = 0;
const NAME_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
/** hash of the name | id << 8 | marks. */
const TAG = 4;
const CELLS = 5;
const DROPPED = 1 << 16;
/** Room at the start; most heads have fewer. */
const USUAL_FIELDS = 24;

/** What `scan` met. */
export const FIELDS_END = 1;
export const FIELDS_MORE = 0;
export const FIELDS_FAULT = -1;
export const FIELDS_TOO_MANY = -2;

export class FieldTable {
  count = 0;
  /** Offset of the empty line behind the last field; valid after `FIELDS_END`. */
  linesEnd = 0;
  /** What is wrong, after `FIELDS_FAULT` and `isLineOver`. */
  detail = '';
  /** The limit that a head which is too large has met: that of its bytes, unless `scan` or `isLineOver` found another. */
  limitMet = HEAD_BYTES;
  #cells: Int32Array = new Int32Array((USUAL_FIELDS + 1) * CELLS);

  lineStart(field: number): number {
    return this.#cells[field * CELLS + LINE]!;
  }
  nameEnd(field: number): number {
    return this.#cells[field * CELLS + NAME_END]!;
  }
  valueStart(field: number): number {
    return this.#cells[field * CELLS + VALUE_START]!;
  }
  valueEnd(field: number): number {
    return this.#cells[field * CELLS + VALUE_END]!;
  }
  /** Behind the line's CRLF. */
  lineEnd(field: number): number {
    return field + 1 === this.count ? this.linesEnd : this.#cells[(field + 1) * CELLS + LINE]!;
  }
  /** After `FIELDS_END`: whether one line alone is over this many bytes, its CRLF not counted. */
  isLineOver(maxBytes: number): boolean {
    // Most heads are shorter than one line may be.
    if (this.linesEnd <= maxBytes) return false;
    for (let field = 0; field < this.count; field++) {
      if (this.lineEnd(field) - this.lineStart(field) - 2 <= maxBytes) continue;
      this.limitMet = HEADER_LINE_BYTES;
      this.detail = `a field line is over ${maxBytes} bytes`;
      return true;
    }
    return false;
  }
  hash(field: number): number {
    return this.#cells[field * CELLS + TAG]! & 0xff;
  }
  id(field: number): number {
    return (this.#cells[field * CELLS + TAG]! >> 8) & 0xff;
  }
  /** Marks a field that goes no further, whatever its id. */
  drop(field: number): void {
    this.#cells[field * CELLS + TAG]! |= DROPPED;
  }
  isDropped(field: number): boolean {
    return (this.#cells[field * CELLS + TAG]! & DROPPED) !== 0;
  }

  /** The first field of this name at or behind `from`; -1 = none. */
  find(name: AskedName, from: number, bytes: Uint8Array): number {
    for (let field = from; field < this.count; field++) {
      if (this.isNamed(field, name, bytes)) return field;
    }
    return -1;
  }

  isNamed(field: number, name: AskedName, bytes: Uint8Array): boolean {
    return this.#equals(field, name.hash, name.lower, LOWER, bytes);
  }
  /** As `isNamed`, and also where one has an underscore and the other a dash. */
  isNamedAlike(field: number, name: AskedName, bytes: Uint8Array): boolean {
    return this.#equals(field, name.hash, name.alike, ALIKE, bytes);
  }

  #equals(field: number, hash: number, name: Uint8Array, fold: Uint8Array, bytes: Uint8Array): boolean {
    const row = field * CELLS;
    if ((this.#cells[row + TAG]! & 0xff) !== hash) return false;
    const start = this.#cells[row + LINE]!;
    if (this.#cells[row + NAME_END]! - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) {
      if (fold[bytes[start + i]!] !== name[i]) return false;
    }
    return true;
  }

  /**
   * Reads lines from `from` up to the empty line, but no byte at or behind `end`. Lines that are complete are in the table
   * whatever comes behind them: the caller judges those first, so that the first fault counts however the bytes were cut.
   * @param base where the message begins in `bytes`.
   */
  scan(bytes: Uint8Array, base: number, from: number, end: number, maxFields: number): number {
    let cells = this.#cells;
    let at = from;
    let row = 0;
    this.count = 0;
    this.limitMet = HEAD_BYTES;
    for (;;) {
      if (at >= end) return FIELDS_MORE;
      if (bytes[at] === CR) {
        if (at + 1 >= end) return FIELDS_MORE;
        if (bytes[at + 1] !== LF) return this.#fault('a CR without LF where a field line begins');
        this.linesEnd = at - base;
        return FIELDS_END;
      }
      if (this.count === maxFields) {
        this.limitMet = HEADERS;
        return FIELDS_TOO_MANY;
      }
      if (row + 2 * CELLS > cells.length) cells = this.#grow();

      const lineStart = at;
      while (at < end && TOKEN[bytes[at]!] !== 0) at++;
      if (at >= end) return FIELDS_MORE;
      if (bytes[at] !== COLON) return this.#fault(nameFault(bytes[at]!, at === lineStart));
      if (at === lineStart) return this.#fault('a field line without a name');
      const nameEnd = at;

      at++;
      while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
      const valueStart = at;
      while (at < end && VALUE[bytes[at]!] !== 0) at++;
      if (at >= end) return FIELDS_MORE;
      if (bytes[at] !== CR) return this.#fault(bytes[at] === LF ? 'a bare LF in a field line' : 'a control character in a field value');
      if (at + 1 >= end) return FIELDS_MORE;
      if (bytes[at + 1] !== LF) return this.#fault('a bare CR in a field line');
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      at += 2;

      const hash = hashOf(nameEnd - lineStart, bytes[lineStart]!, bytes[nameEnd - 1]!);
      cells[row + LINE] = lineStart - base;
      cells[row + NAME_END] = nameEnd - base;
      cells[row + VALUE_START] = valueStart - base;
      cells[row + VALUE_END] = valueEnd - base;
      cells[row + TAG] = hash | (idOf(hash, bytes, lineStart, nameEnd) << 8);
      row += CELLS;
      this.count++;
    }
  }

  #grow(): Int32Array {
    const grown = new Int32Array(this.#cells.length * 2);
    grown.set(this.#cells);
    this.#cells = grown;
    return grown;
  }

  #fault(detail: string): number {
    this.detail = detail;
    return FIELDS_FAULT;
  }
}

/** RFC 9112 §5.1 and §5.2: each of these was a way to smuggle a request, so each has its own sentence in the log. */
function nameFault(byte: number, atLineStart: boolean): string {
  const isSpace = byte === SP || byte === HTAB;
  if (isSpace) return atLineStart ? 'a folded field line' : 'white space in a field name or before its colon';
  if (byte === CR || byte === LF) return 'a field line without a colon';
  return 'a byte in a field name that no token may hold';
}

/** What ends a head or a trailer section may end in [from, end): cheap, and never wrong about a no. Looks back before `from`. */
export function endsHead(bytes: Buffer, from: number, end: number): boolean {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
    const before = at - 1;
    if (before < 0) continue;
    if (bytes[before] === LF || (bytes[before] === CR && before > 0 && bytes[before - 1] === LF)) return true;
  }
  return false;
}

/** What all tests of the heads share: limits, one-line parsing, a caller that accumulates reads as the data path does. */
import { ChunkedDecoder, CHUNK_DATA, CHUNK_END, CHUNK_FAULT } from '../../core/src/http1/chunked.ts';
import type { HeadLimits } from '../../core/src/http1/limits.ts';
import { Http1RequestHead, endsHead, type RequestWire } from '../../core/src/http1/request-head.ts';
import { Http1ResponseHead, type ResponseWire } from '../../core/src/http1/response-head.ts';

export const LIMITS: HeadLimits = { maxHeadBytes: 32_768, maxTargetBytes: 8192, maxHeaders: 100 };
export const PLAIN: RequestWire = { hostLine: undefined, extra: Buffer.alloc(0), dropForwarding: false, forwardedHost: false };

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A request of these lines, each ended by CRLF, and the empty line. */
export function lines(...all: string[]): string {
  return [...all, '', ''].join('\r\n');
}
/** A GET with these fields behind its Host. */
export function get(...fields: string[]): string {
  return lines('GET / HTTP/1.1', 'Host: a.example', ...fields);
}

export interface Parsed<Head> {
  head: Head;
  met: number;
}
export function parseRequest(text: string, limits = LIMITS): Parsed<Http1RequestHead> {
  const head = new Http1RequestHead();
  const bytes = latin1(text);
  return { head, met: head.parse(bytes, 0, bytes.length, limits) };
}
export function parseResponse(text: string, limits = LIMITS): Parsed<Http1ResponseHead> {
  const head = new Http1ResponseHead();
  const bytes = latin1(text);
  return { head, met: head.parse(bytes, 0, bytes.length, limits) };
}

/** `ok`, `more`, or the code of the fault. */
export function verdict({ head, met }: Parsed<Http1RequestHead | Http1ResponseHead>): string {
  if (met > 0) return 'ok';
  return met === 0 ? 'more' : head.fault;
}

export function accepted(text: string): Http1RequestHead {
  const { head, met } = parseRequest(text);
  if (met <= 0) throw new Error(`not accepted: ${head.fault} ${head.faultDetail}`);
  return head;
}
export function acceptedResponse(text: string): Http1ResponseHead {
  const { head, met } = parseResponse(text);
  if (met <= 0) throw new Error(`not accepted: ${head.fault} ${head.faultDetail}`);
  return head;
}

const SLAB_BYTES = 128 * 1024;
/** What goes to the backend; held against `wireBound`, in a slab of which the rest must stay untouched. */
export function wireOf(head: Http1RequestHead, wire: Partial<RequestWire> = {}): string {
  const full = { ...PLAIN, ...wire };
  return written(head.wireBound(full), (out, at) => head.write(out, at, full));
}
export function responseWireOf(head: Http1ResponseHead, wire: Partial<ResponseWire> = {}): string {
  const full: ResponseWire = { framing: 'length', connection: '', ...wire };
  return written(head.wireBound(full), (out, at) => head.write(out, at, full));
}
function written(bound: number, write: (out: Buffer, at: number) => number): string {
  const out = Buffer.alloc(SLAB_BYTES, 0);
  const end = write(out, 7);
  if (end - 7 > bound) throw new Error(`wireBound said ${bound}, write took ${end - 7}`);
  if (out.subarray(0, 7).some((byte) => byte !== 0) || out.subarray(end).some((byte) => byte !== 0)) throw new Error('write left its range');
  return out.toString('latin1', 7, end);
}

/** The data path in small: keeps what came, parses at first, and again when `endsHead` says so or the bytes have doubled. */
export function parseInReads(reads: readonly Buffer[], limits = LIMITS): Parsed<Http1RequestHead> {
  const head = new Http1RequestHead();
  let held = Buffer.alloc(0);
  let parseAt = 0;
  let met = 0;
  for (const read of reads) {
    const from = held.length;
    held = Buffer.concat([held, read]);
    if (held.length < parseAt && !endsHead(held, from, held.length)) continue;
    parseAt = held.length * 2;
    met = head.parse(held, 0, held.length, limits);
    if (met !== 0) return { head, met };
  }
  // A fault that nobody has looked for yet: the next read would show it.
  met = head.parse(held, 0, held.length, limits);
  return { head, met };
}

/** A body decoded from these reads. `rest` = bytes behind its end. */
export function decode(reads: readonly Buffer[]): { end: 'more' | 'end' | 'fault'; body: string; trailers: string; rest: number; detail: string } {
  const chunks = new ChunkedDecoder();
  let body = '';
  let rest = 0;
  let end: 'more' | 'end' | 'fault' = 'more';
  for (const read of reads) {
    if (end !== 'more') {
      rest += read.length;
      continue;
    }
    let at = 0;
    for (;;) {
      const met = chunks.next(read, at, read.length);
      at = chunks.at;
      if (met === CHUNK_DATA) {
        body += read.toString('latin1', chunks.dataStart, chunks.dataEnd);
        continue;
      }
      if (met === CHUNK_END) end = 'end';
      if (met === CHUNK_FAULT) end = 'fault';
      rest += read.length - at;
      break;
    }
  }
  return { end, body, trailers: chunks.trailers.toString('latin1'), rest, detail: chunks.faultDetail };
}

/** The text in two reads, for every place where it may be cut. */
export function* cuts(bytes: Buffer): Generator<[Buffer, Buffer]> {
  for (let cut = 0; cut <= bytes.length; cut++) yield [bytes.subarray(0, cut), bytes.subarray(cut)];
}
/** One byte a read. */
export function singly(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

/** What is made of a reading: messages to compare with others, or a transcript to compare with that of the same bytes in other reads. */
import type { Field, Input, Message } from './meaning.ts';
import type { Reader, Sink } from './reader.ts';

export interface Span {
  start: number;
  headEnd: number;
  /** Behind the message; behind what was accepted of it while it is not complete. */
  end: number;
  /** Of the request that a response answers. */
  method: string;
}

export class MessageSink implements Sink {
  messages: Message[] = [];
  spans: Span[] = [];
  #side: Input['side'] = 'request';

  begin(side: Input['side']): void {
    this.messages = [];
    this.spans = [];
    this.#side = side;
  }
  onHead(reader: Reader, start: number, end: number): boolean {
    const { request, response, body, method } = reader;
    const isRequest = this.#side === 'request';
    const head = isRequest ? request : response;
    this.messages.push({
      method: isRequest ? request.method : '', target: isRequest ? request.target : '', status: isRequest ? 0 : response.status,
      version: isRequest ? request.version : '', fields: head.headers(), body: '', trailers: [], isComplete: false,
      keepAlive: head.keepAlive && body.framing !== 'close', upgrade: isRequest ? request.upgrade : response.upgrade,
    });
    this.spans.push({ start, headEnd: end, end, method });
    return false;
  }
  onBody(bytes: Buffer, start: number, end: number): void {
    this.messages.at(-1)!.body += bytes.toString('latin1', start, end);
  }
  onEnd(reader: Reader, end: number): void {
    const message = this.messages.at(-1)!;
    message.isComplete = true;
    if (reader.body.framing === 'chunked') message.trailers = fieldsOf(reader.body.chunks.trailers.toString('latin1'));
    this.spans.at(-1)!.end = end;
  }
}

/** Lines that were found good, as fields. */
function fieldsOf(lines: string): Field[] {
  if (lines === '') return [];
  return lines.slice(0, -2).split('\r\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
}

/** Everything that shows of a reading, one byte behind the other: what would be sent on, where messages end, the verdict. */
export class TranscriptSink implements Sink {
  text = '';
  #side: Input['side'] = 'request';
  #out = Buffer.alloc(65_536);

  begin(side: Input['side']): void {
    this.text = '';
    this.#side = side;
  }
  onHead({ request, response, body }: Reader, start: number, end: number): boolean {
    const isRequest = this.#side === 'request';
    const head = isRequest ? request : response;
    const to = isRequest
      ? request.write(this.#room(request.wireBound(REQUEST_WIRE)), 0, REQUEST_WIRE)
      : response.write(this.#room(response.wireBound(RESPONSE_WIRE)), 0, RESPONSE_WIRE);
    this.text += `\n[${start}-${end} ${body.framing} ${head.contentLength} ${head.keepAlive} ${head.upgrade} ${isRequest ? request.expectContinue : ''}]\n`;
    this.text += this.#out.toString('latin1', 0, to);
    return false;
  }
  onBody(bytes: Buffer, start: number, end: number): void {
    this.text += bytes.toString('latin1', start, end);
  }
  onEnd({ body }: Reader, end: number): void {
    this.text += `\n[end ${end}]${body.framing === 'chunked' ? body.chunks.trailers.toString('latin1') : ''}`;
  }
  conclude({ ending, code, detail }: Reader): string {
    return `${this.text}\n[${ending} ${code} ${detail}]`;
  }
  #room(bound: number): Buffer {
    if (this.#out.length < bound) this.#out = Buffer.alloc(bound * 2);
    return this.#out;
  }
}

const REQUEST_WIRE = { hostLine: undefined, extra: Buffer.alloc(0), dropForwarding: false, forwardedHost: false };
const RESPONSE_WIRE = { framing: 'none', connection: '' } as const;

/**
 * The judge's own reader of HTTP/1.1 messages: strict, and independent of what is judged. It says of each message how far it came, whether it is
 * whole, and whether its body is the one that was meant.
 */

export interface Framing {
  readonly kind: 'none' | 'length' | 'chunked' | 'close' | 'tunnel';
  readonly length: number;
  /** What the body must be, or a beginning of it; `undefined` = anything. */
  readonly expected: Buffer | undefined;
}

export interface Message {
  readonly startLine: string;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly framing: Framing;
  bodyBytes: number;
  isComplete: boolean;
}

export interface ReaderEvents {
  /** A head is complete: what follows it? Interim responses say `none`. */
  framingOf(startLine: string, fields: ReadonlyMap<string, string>): Framing;
  onHead(message: Message): void;
  onComplete(message: Message): void;
  /** What came is no message, or not the one that was meant. Nothing is read after it. */
  onFault(detail: string): void;
}

const NOTHING = Buffer.alloc(0);

export class MessageReader {
  /** Bytes that came. */
  bytes = 0;
  current: Message | undefined;
  readonly #events: ReaderEvents;
  #held = NOTHING;
  #isFaulty = false;
  /** Bytes left of the chunk; -1 = a chunk line comes, -2 = the line behind the data, -3 = the line behind the last chunk. */
  #chunkLeft = -1;

  constructor(events: ReaderEvents) {
    this.#events = events;
  }

  /** A head, or a part of one, waits. */
  get hasPartialHead(): boolean {
    return this.current === undefined && this.#held.length > 0;
  }

  feed(fresh: Buffer): void {
    this.bytes += fresh.length;
    if (this.#isFaulty) return;
    let bytes = this.#held.length > 0 ? Buffer.concat([this.#held, fresh]) : fresh;
    this.#held = NOTHING;
    while (bytes.length > 0 && !this.#isFaulty) {
      const taken = this.current ? this.#body(this.current, bytes) : this.#head(bytes);
      if (taken === 0) {
        this.#held = Buffer.from(bytes);
        return;
      }
      bytes = bytes.subarray(taken);
    }
  }

  /** The peer has said FIN, in order. */
  end(): void {
    const { current } = this;
    if (!this.#isFaulty && current && (current.framing.kind === 'close' || current.framing.kind === 'tunnel')) this.#completed(current);
  }

  #head(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const [startLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const fields = new Map<string, string>();
    for (const line of lines) {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
      if (!match) return this.#fault(`a field line that is none: ${JSON.stringify(line)}`);
      const name = match[1]!.toLowerCase();
      fields.set(name, fields.has(name) ? `${fields.get(name)}, ${match[2]}` : match[2]!);
    }
    if (!/^HTTP\/1\.[01] \d{3} |^[A-Z]+ \S+ HTTP\/1\.[01]$/.test(startLine!)) return this.#fault(`a start line that is none: ${JSON.stringify(startLine)}`);
    const framing = this.#events.framingOf(startLine!, fields);
    const message: Message = { startLine: startLine!, fields, framing, bodyBytes: 0, isComplete: false };
    this.current = message;
    this.#chunkLeft = -1;
    this.#events.onHead(message);
    if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) this.#completed(message);
    return end + 4;
  }

  #body(message: Message, bytes: Buffer): number {
    const { kind, length } = message.framing;
    if (kind === 'close' || kind === 'tunnel') return this.#payload(message, bytes);
    if (kind === 'length') {
      const taken = this.#payload(message, bytes.subarray(0, length - message.bodyBytes));
      if (message.bodyBytes === length) this.#completed(message);
      return taken;
    }
    if (this.#chunkLeft >= 0) {
      const taken = this.#chunkLeft === 0 ? 0 : this.#payload(message, bytes.subarray(0, this.#chunkLeft));
      this.#chunkLeft -= taken;
      if (this.#chunkLeft === 0) this.#chunkLeft = -2;
      return taken;
    }
    const end = bytes.indexOf('\r\n');
    if (end < 0) return 0;
    const line = bytes.toString('latin1', 0, end);
    if (this.#chunkLeft === -1) {
      if (!/^[0-9a-fA-F]{1,8}$/.test(line)) return this.#fault(`a chunk line that is none: ${JSON.stringify(line.slice(0, 60))}`);
      const size = Number.parseInt(line, 16);
      this.#chunkLeft = size === 0 ? -3 : size;
      return end + 2;
    }
    if (line !== '') return this.#fault(`behind a chunk: ${JSON.stringify(line.slice(0, 60))}`);
    if (this.#chunkLeft === -3) this.#completed(message);
    else this.#chunkLeft = -1;
    return end + 2;
  }

  #payload(message: Message, bytes: Buffer): number {
    const { expected } = message.framing;
    const to = message.bodyBytes + bytes.length;
    if (expected && (to > expected.length || !bytes.equals(expected.subarray(message.bodyBytes, to)))) {
      return this.#fault(`body bytes ${message.bodyBytes} to ${to} of ${message.startLine} are not what was sent: ${JSON.stringify(bytes.toString('latin1', 0, 60))}`);
    }
    message.bodyBytes = to;
    return bytes.length;
  }

  #completed(message: Message): void {
    message.isComplete = true;
    this.current = undefined;
    this.#events.onComplete(message);
  }

  #fault(detail: string): number {
    this.#isFaulty = true;
    this.#events.onFault(detail);
    return 0;
  }
}

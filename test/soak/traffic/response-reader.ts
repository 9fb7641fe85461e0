/** Reads the responses of one connection, one after the other. Strict where a client must be: what it cannot read is `wrong`. */
export interface Reply {
  status: number;
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

export class ResponseReader {
  #bytes: Buffer = Buffer.alloc(0);
  /** Parts of a body that is still coming, so that a long one is not copied with each read. */
  #parts: Buffer[] = [];
  #missing = 0;
  #head: { status: number; headers: Map<string, string> } | undefined;
  /** To the requests under way, in order: whether the answer has a body at all. */
  readonly #hasBody: boolean[] = [];

  /** A request was sent. */
  expect(method: string): void {
    this.#hasBody.push(method !== 'HEAD');
  }
  /** A response has begun that has not ended. */
  get isWithin(): boolean {
    return this.#head !== undefined || this.#bytes.length > 0;
  }
  /** What came behind the head of a 101. */
  get rest(): Buffer {
    return this.#bytes;
  }

  /** @returns the responses that are complete now. @throws Error when no client could read it */
  read(chunk: Buffer): Reply[] {
    if (this.#missing > chunk.length) {
      this.#missing -= chunk.length;
      this.#parts.push(chunk);
      return [];
    }
    this.#bytes = Buffer.concat([...this.#parts, this.#bytes, chunk]);
    this.#parts = [];
    this.#missing = 0;
    const replies: Reply[] = [];
    for (let reply = this.#next(); reply; reply = this.#next()) replies.push(reply);
    return replies;
  }

  #next(): Reply | undefined {
    this.#head ??= this.#takeHead();
    if (!this.#head) return undefined;
    const { status, headers } = this.#head;
    const body = this.#takeBody(status, headers);
    if (!body) return undefined;
    this.#head = undefined;
    if (status >= 200) this.#hasBody.shift();
    return { status, headers, body };
  }

  #takeHead(): { status: number; headers: Map<string, string> } | undefined {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    if (this.#hasBody.length === 0) throw new Error(`a response to no request: ${this.#bytes.toString('latin1', 0, 80)}`);
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    this.#bytes = this.#bytes.subarray(end + 4);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? NaN);
    if (Number.isNaN(status)) throw new Error(`no status line: ${first.slice(0, 80)}`);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (colon <= 0 || headers.has(name)) throw new Error(`no header, or the same twice: ${line.slice(0, 80)}`);
      headers.set(name, line.slice(colon + 1).trim());
    }
    return { status, headers };
  }

  #takeBody(status: number, headers: ReadonlyMap<string, string>): Buffer | undefined {
    if (status < 200 || status === 204 || status === 304 || !this.#hasBody[0]) return Buffer.alloc(0);
    if (headers.get('transfer-encoding') === 'chunked') return this.#takeChunks();
    const length = Number(headers.get('content-length') ?? NaN);
    if (Number.isNaN(length)) throw new Error('a response without a length');
    if (this.#bytes.length < length) {
      this.#missing = length - this.#bytes.length;
      this.#parts = [this.#bytes];
      this.#bytes = Buffer.alloc(0);
      return undefined;
    }
    return this.#take(length);
  }

  #takeChunks(): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let at = 0; ;) {
      const line = this.#bytes.indexOf('\r\n', at);
      if (line < 0) return undefined;
      const size = this.#bytes.toString('latin1', at, line);
      if (!/^[0-9a-f]+$/i.test(size)) throw new Error(`no chunk size: ${size.slice(0, 80)}`);
      const [begin, length] = [line + 2, parseInt(size, 16)];
      if (this.#bytes.length < begin + length + 2) return undefined;
      at = begin + length + 2;
      if (this.#bytes.toString('latin1', at - 2, at) !== '\r\n') throw new Error('a chunk that is longer than its size');
      if (length === 0) {
        this.#take(at);
        return Buffer.concat(parts);
      }
      parts.push(this.#bytes.subarray(begin, begin + length));
    }
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

/** A client connection on a raw socket: requests are bytes, answers are judged to the last byte. Several requests may be under way (pipelining). */
import net from 'node:net';
import { digestOf, patternOf } from '../origin/pattern.ts';
import { LATE_MS, type Fate } from './fate.ts';
import { ResponseReader, type Reply } from './response-reader.ts';

export interface Ask {
  id: string;
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  path: string;
  bodyBytes?: number;
  /** The body goes in chunks. */
  isChunked?: boolean;
  answerBytes?: number;
  answerIsChunked?: boolean;
  /** Lines that end in CRLF. */
  headers?: string;
}

const CHUNK_BYTES = 5_000;

export function bytesOf({ id, method, path, bodyBytes = 0, isChunked = false, answerBytes = 0, answerIsChunked = false, headers = '' }: Ask): Buffer {
  const body = patternOf(id, bodyBytes);
  const framing = isChunked ? 'Transfer-Encoding: chunked\r\n' : bodyBytes > 0 || method === 'POST' ? `Content-Length: ${bodyBytes}\r\n` : '';
  const head = `${method} ${path} HTTP/1.1\r\nHost: soak.example\r\nX-Id: ${id}\r\nX-Answer-Bytes: ${answerBytes}\r\n${answerIsChunked ? 'X-Answer-Chunked: 1\r\n' : ''}${headers}${framing}\r\n`;
  if (!isChunked) return Buffer.concat([Buffer.from(head), body]);
  const parts: Buffer[] = [Buffer.from(head)];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const part = body.subarray(at, at + CHUNK_BYTES);
    parts.push(Buffer.from(`${part.length.toString(16)};extension=${at}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** The right answer, one of the balancer's, or neither. */
export function judge(ask: Ask, { status, headers, body }: Reply): Fate {
  if (headers.get('x-twice') !== undefined) return { kind: 'wrong', why: 'it was delivered twice' };
  if (status !== 200) return headers.get('x-id') === undefined ? { kind: 'status', status } : { kind: 'wrong', why: `a backend answered ${status}` };
  const id = headers.get('x-id');
  if (id !== ask.id) return { kind: 'wrong', why: `the answer to ${id ?? 'nobody'}` };
  const got = headers.get('x-got');
  if (got !== undefined && got !== digestOf(patternOf(ask.id, ask.bodyBytes ?? 0))) return { kind: 'wrong', why: 'the backend got another body' };
  const wanted = ask.method === 'HEAD' ? Buffer.alloc(0) : patternOf(ask.id, ask.answerBytes ?? 0);
  return body.equals(wanted) ? { kind: 'answered' } : { kind: 'wrong', why: `${body.length} bytes of body, ${wanted.length} wanted, or others` };
}

export class Wire {
  readonly socket: net.Socket;
  readonly #reader = new ResponseReader();
  readonly #waiting: { ask: Ask; settle: (fate: Fate) => void; timer: NodeJS.Timeout }[] = [];
  #isOver = false;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('error', () => {}).on('data', (chunk: Buffer) => this.#read(chunk));
    this.socket.on('end', () => this.#over()).on('close', () => this.#over());
  }

  /** The next request may go on it. */
  get isFree(): boolean {
    return !this.#isOver && this.#waiting.length === 0;
  }

  /** Writes it, and says what became of it. @param write in place of one write of all bytes */
  exchange(ask: Ask, write: (socket: net.Socket, bytes: Buffer) => void = (socket, bytes) => void socket.write(bytes)): Promise<Fate> {
    return new Promise((resolve) => {
      if (this.#isOver) return resolve({ kind: 'cut' });
      const timer = setTimeout(() => {
        this.#settleAll({ kind: 'late' });
        this.socket.destroy();
      }, LATE_MS);
      this.#reader.expect(ask.method);
      this.#waiting.push({ ask, settle: resolve, timer });
      write(this.socket, bytesOf(ask));
    });
  }

  close(): void {
    this.#isOver = true;
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const reply of this.#reader.read(chunk)) {
        if (reply.status < 200) continue;
        const next = this.#waiting.shift()!;
        clearTimeout(next.timer);
        if (reply.headers.get('connection') === 'close') this.close();
        next.settle(judge(next.ask, reply));
        if (this.#isOver) this.#settleAll({ kind: 'cut' });
      }
    } catch (thrown) {
      this.#settleAll({ kind: 'wrong', why: (thrown as Error).message });
      this.close();
    }
  }

  #over(): void {
    this.#isOver = true;
    this.socket.destroy();
    const first = this.#waiting.shift();
    if (!first) return;
    clearTimeout(first.timer);
    first.settle({ kind: this.#reader.isWithin ? 'broken' : 'cut' });
    this.#settleAll({ kind: 'cut' });
  }

  #settleAll(fate: Fate): void {
    for (const { settle, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      settle(fate);
    }
  }
}

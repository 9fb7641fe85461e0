/** A keep-alive client on a raw socket that sends one request after the other and says what became of each. */
import net from 'node:net';

/** `answered`: the right body came. `broken`: a response had begun and was cut. `cut`: the connection closed before any byte of a response. */
export type Fate = { kind: 'answered' | 'broken' | 'cut' } | { kind: 'status'; status: number };

export interface SentRequest {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT';
}

const BODY = 'x'.repeat(100);

export class KeepAliveClient {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #received = '';
  #done: ((fate: Fate) => void) | undefined;
  #id = '';

  constructor(port: number) {
    this.#port = port;
  }

  request({ id, method }: SentRequest): Promise<Fate> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#id = id;
      this.#received = '';
      const body = method === 'GET' ? '' : BODY;
      const framing = method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`;
      this.#connected().write(`${method} /${id} HTTP/1.1\r\nHost: chaos\r\nX-Id: ${id}\r\n${framing}\r\n${body}`);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connected(): net.Socket {
    if (this.#socket) return this.#socket;
    const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.on('data', (bytes) => this.#read(bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#finish({ kind: this.#received === '' ? 'cut' : 'broken' });
    });
    return socket;
  }

  #read(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const body = this.#received.slice(end + 4);
    if (body.length < length) return;
    if (/^connection: close/im.test(head)) this.#socket = undefined;
    const status = Number(head.slice(9, 12));
    if (status !== 200) return this.#finish({ kind: 'status', status });
    // Somebody else's answer would be the worst of all: it counts as a status of its own.
    this.#finish(body.startsWith(`${this.#id} `) ? { kind: 'answered' } : { kind: 'status', status: -1 });
  }

  #finish(fate: Fate): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(fate);
  }
}

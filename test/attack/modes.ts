/** The three slow attacks of slowhttptest (-H, -B, -X), as one connection makes them. */
import net from 'node:net';

/** Those of slowhttptest. `stall` is `read` of something so large that the balancer holds it, not only the system. */
export const SLOW_MODES = ['headers', 'body', 'read'] as const;
export const MODES = [...SLOW_MODES, 'stall'] as const;
export type Mode = (typeof MODES)[number];

/** Of what is read slowly: the buffers of the system take a page, and on loopback 4 MB and more of a file. */
export const BYTES = { '/page': 65_536, '/file': 12_000_000 };
/** A file takes so much of the memory of the system, which is for all connections of the machine (tcp_mem), that fewer of them fill it. */
export const STALL_SHARE = 1 / 50;
const SIP_BYTES = 5;

/** What is sent at once, and then each second. */
const FIRST: Record<Mode, string> = {
  headers: 'GET / HTTP/1.1\r\nHost: attacked\r\nUser-Agent: slow\r\n',
  body: 'POST / HTTP/1.1\r\nHost: attacked\r\nContent-Length: 1000000\r\n\r\nx',
  read: 'GET /page HTTP/1.1\r\nHost: attacked\r\n\r\n',
  stall: 'GET /file HTTP/1.1\r\nHost: attacked\r\n\r\n',
};
const EACH: Record<Mode, (turn: number) => string> = {
  headers: (turn) => `X-${turn}: ${turn}\r\n`,
  body: () => 'x',
  read: () => '',
  stall: () => '',
};

export class SlowConnection {
  isOpen = false;
  isOver = false;
  readonly #mode: Mode;
  readonly #isReader: boolean;
  readonly #socket: net.Socket;
  #turns = 0;

  constructor(mode: Mode, port: number, localAddress: string, onOver: (answer: string) => void) {
    this.#mode = mode;
    this.#isReader = mode === 'read' || mode === 'stall';
    let answer = '';
    const buffer = Buffer.alloc(this.#isReader ? SIP_BYTES : 4_096);
    const callback = (size: number): boolean => {
      if (answer.length < 12) answer += buffer.toString('latin1', 0, size);
      return !this.#isReader;
    };
    this.#socket = net.connect({ port, host: '127.0.0.1', localAddress, noDelay: true, onread: { buffer, callback } });
    this.#socket.once('connect', () => {
      this.isOpen = true;
      this.#socket.write(FIRST[mode]);
    });
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      this.isOpen = false;
      this.isOver = true;
      onOver(answer.slice(9, 12));
    });
  }

  /** Once a second. */
  turn(): void {
    if (!this.isOpen) return;
    if (this.#isReader) this.#socket.resume();
    else this.#socket.write(EACH[this.#mode](this.#turns++));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** The client of a case: raw bytes out, raw bytes in, and how the connection ended. */
import net from 'node:net';
import { readMessages, responsesTo, statusOf, type Message } from './messages.ts';

export class Client {
  received = '';
  /** '' = open. */
  end: '' | 'closed' | 'reset' = '';
  /** Counts everything that comes. */
  events = 0;
  readonly #socket: net.Socket;
  readonly #methods: string[] = [];
  #wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.events += 1;
      this.received += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => this.#ended('closed'));
    socket.on('error', (error) => this.#ended('code' in error && error.code === 'EPIPE' ? 'closed' : 'reset'));
    socket.on('close', () => this.#ended('closed'));
  }

  static connect(port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Client(socket));
      });
    });
  }

  send(text: string): void {
    for (const [, method] of text.matchAll(/(?:^|\r\n)([A-Z]+) [^\r\n]* HTTP\/1\.[01]\r\n/g)) this.#methods.push(method!);
    if (this.#socket.writable) this.#socket.write(text, 'latin1');
  }
  finish(how: 'fin' | 'reset'): void {
    if (how === 'fin') this.#socket.end();
    else this.#socket.resetAndDestroy();
  }
  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when anything happens. */
  next(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** What came so far, as messages. */
  get messages(): Message[] {
    return readMessages(this.received, this.end === 'closed', responsesTo(this.#methods));
  }

  /** Whether the head of a response of this status is there. */
  hasStatus(status: number | 'end'): boolean {
    return this.messages.some((message) => statusOf(message) === status);
  }

  #ended(how: 'closed' | 'reset'): void {
    this.events += 1;
    if (this.end === '') this.end = how;
    this.#wake();
  }
}

/** A client on a raw socket: what is sent and what comes back is bytes. */
import net from 'node:net';
import { onTestFinished } from 'vitest';

export class RawClient {
  received = '';
  isClosed = false;
  /** Set when the connection was reset. */
  error: Error | undefined;
  readonly socket: net.Socket;
  #wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1');
      this.#wake();
    });
    socket.on('error', (error) => (this.error = error));
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    onTestFinished(() => void socket.destroy());
  }

  static connect(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(bytes: string): this {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  /** What was received, once it holds `wanted`. Rejects when the connection closes before. */
  async until(wanted: string | RegExp): Promise<string> {
    await this.#waitFor(() => (typeof wanted === 'string' ? this.received.includes(wanted) : wanted.test(this.received)), () => `waiting for ${String(wanted)}`);
    return this.received;
  }

  /** What was received, once the connection is closed. */
  async closed(): Promise<string> {
    await this.#waitFor(() => this.isClosed, () => 'waiting for the close');
    return this.received;
  }

  #waitFor(isTrue: () => boolean, what: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isTrue()) resolve();
        else if (this.isClosed) reject(new Error(`closed while ${what()}; received: ${JSON.stringify(this.received)}`));
        else this.#wake = look;
      };
      look();
    });
  }
}

/** Sends one message and gives everything that came until the connection closed. */
export async function sendRaw(port: number, bytes: string): Promise<string> {
  const client = await RawClient.connect(port);
  return client.send(bytes).closed();
}

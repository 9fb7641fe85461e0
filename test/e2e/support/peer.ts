/** One end of a TCP connection, the client's or the backend's: it says what came, how it ended, and what was reset. Half-open until told otherwise. */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import { rawOrigin, type Origin } from './origin.ts';

export class Peer {
  readonly socket: net.Socket;
  /** Bytes that came. */
  bytes = 0;
  /** The other side has said FIN. */
  hasEnded = false;
  isClosed = false;
  /** `ECONNRESET` and its like. */
  errorCode = '';
  readonly #hash = createHash('sha256');
  #received: Buffer[] = [];
  #wakers = new Set<() => void>();

  /** @param keeps what comes is kept for `text`; without it only counted and hashed. */
  constructor(socket: net.Socket, keeps = true) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      if (keeps) this.#received.push(chunk);
      this.#hash.update(chunk);
      this.#wake();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.#wake();
    });
    socket.on('error', (error) => (this.errorCode = 'code' in error ? String(error.code) : error.message));
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    onTestFinished(() => void socket.destroy());
  }

  /** Not connected yet: for connections that may be reset as soon as they stand. */
  static open(port: number, keeps = true): Peer {
    return new Peer(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }), keeps);
  }

  static async connect(port: number, keeps = true): Promise<Peer> {
    const peer = Peer.open(port, keeps);
    await new Promise<void>((resolve, reject) => peer.socket.once('connect', resolve).once('error', reject));
    return peer;
  }

  get text(): string {
    return Buffer.concat(this.#received).toString('latin1');
  }
  /** Of everything that came; once. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }
  /** FIN; reading goes on. */
  end(): this {
    this.socket.end();
    return this;
  }
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** All that came, once it is `wanted`. */
  async until(wanted: string): Promise<void> {
    await this.#waitFor(() => this.text === wanted, wanted);
  }
  async untilBytes(count: number): Promise<void> {
    await this.#waitFor(() => this.bytes >= count, `${count} bytes`);
  }
  async ended(): Promise<void> {
    await this.#waitFor(() => this.hasEnded, 'a FIN');
  }
  /** Resolves to the error code, '' when it ended in order. */
  async closed(): Promise<string> {
    await this.#waitFor(() => this.isClosed, 'the close');
    return this.errorCode;
  }

  #waitFor(isTrue: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isTrue()) resolve();
        else if (this.isClosed) reject(new Error(`closed (${this.errorCode || 'in order'}) after ${this.bytes} bytes while waiting for ${what}: ${this.text.slice(0, 200)}`));
        else return;
        this.#wakers.delete(look);
      };
      this.#wakers.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of this.#wakers) look();
  }
}

export interface TcpOrigin extends Origin {
  /** The next connection that it accepted, or will. */
  next(): Promise<Peer>;
}

/** A backend that does nothing by itself; `onPeer` for one that does. */
export async function tcpOrigin(onPeer: (peer: Peer) => void = () => {}, keeps = true): Promise<TcpOrigin> {
  const accepted: Peer[] = [];
  const waiting: ((peer: Peer) => void)[] = [];
  const origin = await rawOrigin((socket) => {
    const peer = new Peer(socket, keeps);
    onPeer(peer);
    const waiter = waiting.shift();
    if (waiter) waiter(peer);
    else accepted.push(peer);
  }, 'tcp');
  const next = (): Promise<Peer> => {
    const peer = accepted.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => waiting.push(resolve));
  };
  return Object.assign(origin, { next });
}

/** A backend that says its name, then returns what it gets. */
export function echoOrigin(name = ''): Promise<TcpOrigin> {
  return tcpOrigin((peer) => {
    if (name !== '') peer.send(name);
    peer.socket.on('data', (chunk) => void peer.socket.write(chunk));
    peer.socket.on('end', () => peer.end());
  });
}

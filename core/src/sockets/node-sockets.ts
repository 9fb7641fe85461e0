/** The sockets of `node:net` behind the interface of `socket.ts`. */
import net from 'node:net';
import { SteelyardError } from '@steelyard/sdk';
import type { ListenAddress, ListenSocket, Socket, SocketEngine, SocketHandler } from './socket.ts';

/** What one read may bring: as much as libuv would give. One buffer serves every socket of the thread. */
const READ_BUFFER_BYTES = 65_536;

class NodeSocket implements Socket {
  handler: SocketHandler;
  isClogged = false;
  #socket!: net.Socket;
  #isPaused = false;
  #error: Error | undefined;

  constructor(handler: SocketHandler) {
    this.handler = handler;
  }

  /** Options that make a `net.Socket` read into the shared buffer and tell this object. */
  readInto(buffer: Buffer): net.OnReadOpts {
    return {
      buffer,
      callback: (size: number): boolean => {
        this.handler.onBytes(buffer, 0, size);
        return !this.#isPaused;
      },
    };
  }

  attach(socket: net.Socket): this {
    this.#socket = socket;
    socket.on('end', () => this.handler.onEnd());
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => this.handler.onClose(this.#error));
    return this;
  }

  // Asked for by few: each costs a system call at its first use.
  get remoteAddress(): string {
    return plainAddress(this.#socket.remoteAddress ?? '');
  }
  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }
  get localAddress(): string {
    return plainAddress(this.#socket.localAddress ?? '');
  }
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  send(bytes: Buffer, start: number, end: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed) return true;
    socket.write(bytes.subarray(start, end));
    // 0 right after a write means: every byte is in the kernel. Anything else: libuv keeps a pointer into the memory.
    if (socket.writableLength === 0) return true;
    if (!this.isClogged) {
      this.isClogged = true;
      this.#awaitDrain();
    }
    return false;
  }

  /** 'drain' comes only above the high-water mark; the callback of an empty write comes behind whatever waits. */
  #awaitDrain(): void {
    const look = (): void => {
      if (this.#socket.destroyed) return;
      if (this.#socket.writableLength > 0) return this.#awaitDrain();
      this.isClogged = false;
      this.handler.onDrain();
    };
    // Behind `shutdown` a write, even of nothing, is an error that destroys the socket with all that still waits.
    if (this.#socket.writableEnded) this.#socket.once('finish', look);
    else this.#socket.write('', look);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  shutdown(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    const socket = this.#socket;
    const isSendingFin = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    // libuv refuses a reset while a FIN is on its way out, and then 'close' never comes. It is out within this turn of the loop.
    if (isSendingFin && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }
}

const NOBODY: SocketHandler = { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** A handle as `node:net` keeps it on accepted sockets. */
interface AcceptedInternals {
  _handle: object | null;
  _server: object | null;
}

export class NodeSocketEngine implements SocketEngine {
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

  listen(address: ListenAddress, onConnection: (socket: Socket) => void, onAcceptError: (error: Error) => void): Promise<ListenSocket> {
    const server = net.createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (accepted) => {
      const socket = this.#adopt(accepted);
      if (socket) onConnection(socket);
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(listenError(address, error)));
      server.listen({ host: address.host, port: address.port, backlog: address.backlog, reusePort: address.isShared === true }, () => {
        server.removeAllListeners('error');
        server.on('error', onAcceptError);
        const bound = server.address() as net.AddressInfo;
        resolve({ host: bound.address, port: bound.port, close: () => closeServer(server) });
      });
    });
  }

  connect(host: string, port: number, handler: SocketHandler): Socket {
    const wrapped = new NodeSocket(handler);
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true, onread: wrapped.readInto(this.#readBuffer) });
    wrapped.attach(socket);
    socket.once('connect', () => wrapped.handler.onOpen());
    return wrapped;
  }

  /**
   * `onread` is public for outgoing sockets only; an accepted one gets it by moving its handle to a socket of our making.
   * That saves a buffer per read. The one place that touches internals of `node:net`.
   */
  #adopt(accepted: net.Socket): NodeSocket | undefined {
    const wrapped = new NodeSocket(NOBODY);
    const internals = accepted as unknown as AcceptedInternals;
    const handle = internals._handle;
    if (!handle) return undefined; // reset before we looked
    internals._handle = null;
    const options = { handle, allowHalfOpen: true, onread: wrapped.readInto(this.#readBuffer) };
    const socket = new net.Socket(options as net.SocketConstructorOpts);
    (socket as unknown as AcceptedInternals)._server = internals._server; // the server goes on counting this connection
    internals._server = null;
    return wrapped.attach(socket);
  }
}

/** An IPv4 address as such, also where the socket is a dual-stack one (`::ffff:10.0.0.1`). */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function closeServer(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    // The callback waits for all connections of the server; ours end on their own time, so it is enough that it no longer listens.
    server.close();
    resolve();
  });
}

function listenError(address: ListenAddress, error: Error): SteelyardError {
  const code = 'code' in error ? error.code : '';
  const where = `${address.host}:${address.port}`;
  const hints: Record<string, string> = {
    EADDRINUSE: `another process listens there: end it, or choose another port (ss -ltnp 'sport = :${address.port}' shows which)`,
    EACCES: 'ports below 1024 need a privilege: choose a higher one, or give the process CAP_NET_BIND_SERVICE',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const said: Record<string, string> = { EADDRINUSE: 'the port is in use', EACCES: 'permission denied', EADDRNOTAVAIL: 'the address is not available' };
  return new SteelyardError('ERR_LISTEN', {
    message: `cannot listen on ${where}: ${said[String(code)] ?? error.message}`,
    hint: hints[String(code)] ?? 'check listeners[].host and listeners[].port',
    cause: error,
  });
}

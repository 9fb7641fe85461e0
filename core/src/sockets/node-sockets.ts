/** The sockets of `node:net` behind the interface of `socket.ts`. */
import net from 'node:net';
import { SteelyardError } from '@steelyard/sdk';
import { acceptHandles, bindPausable, pauses, type AcceptedHandle } from './accepts.ts';
import { HandleWrites } from './handle-writes.ts';
import { NodeSocket, type SocketTools } from './node-socket.ts';
import { PausedSockets } from './paused-sockets.ts';
import type { ListenAddress, ListenSocket, Socket, SocketEngine, SocketHandler } from './socket.ts';
import { WriteViews } from './write-views.ts';

/** What one read may bring: as much as libuv would give. One buffer serves every socket of the thread. */
const READ_BUFFER_BYTES = 65_536;

const NOBODY: SocketHandler = { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClose() {} };

export class NodeSocketEngine implements SocketEngine {
  readonly #tools: SocketTools;
  readonly #isPublicOnly: boolean;

  /**
   * @param isPublicOnly no internals of `node:net` are used. Default false: those that are as expected are.
   * @param askEveryMs how often paused sockets are asked whether they were reset; default 2,000
   */
  constructor(isPublicOnly = false, askEveryMs?: number) {
    this.#isPublicOnly = isPublicOnly;
    this.#tools = { readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), writes: new HandleWrites(!isPublicOnly), views: new WriteViews(), paused: new PausedSockets(askEveryMs) };
  }

  listen(address: ListenAddress, onConnection: (socket: Socket) => void, onAcceptError: (error: Error) => void): Promise<ListenSocket> {
    const server = net.createServer({ noDelay: true, allowHalfOpen: true });
    return new Promise((resolve, reject) => {
      server.once('error', (error) => reject(listenError(address, error)));
      server.once('listening', () => {
        server.removeAllListeners('error');
        server.on('error', onAcceptError);
        const isOnHandles = !this.#isPublicOnly && acceptHandles(server, (handle) => onConnection(this.#adopt(handle)), onAcceptError);
        if (!isOnHandles) server.on('connection', (accepted) => onConnection(new NodeSocket(NOBODY, this.#tools).attach(accepted).readChunks()));
        const bound = server.address() as net.AddressInfo;
        resolve({ host: bound.address, port: bound.port, ...pauses(this.#isPublicOnly ? undefined : server), close: () => closeServer(server) });
      });
      const { host, port, backlog, isShared = false } = address;
      const bound = this.#isPublicOnly ? undefined : bindPausable(host, port, isShared);
      if (bound) server.listen(bound, backlog);
      else server.listen({ host, port, backlog, reusePort: isShared });
    });
  }

  connect(host: string, port: number, handler: SocketHandler): Socket {
    const wrapped = new NodeSocket(handler, this.#tools);
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true, onread: wrapped.onread() });
    wrapped.attach(socket);
    socket.once('connect', () => wrapped.handler.onOpen());
    return wrapped;
  }

  /** `onread` is documented for outgoing sockets only. */
  #adopt(handle: AcceptedHandle): NodeSocket {
    handle.setNoDelay(true);
    const wrapped = new NodeSocket(NOBODY, this.#tools);
    const options: object = { handle, allowHalfOpen: true, onread: wrapped.onread() };
    return wrapped.attach(new net.Socket(options));
  }
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
    EADDRINUSE: `another process listens there, perhaps a balancer that was started before: end it, or choose another port (ss -ltnp 'sport = :${address.port}' shows which)`,
    EACCES: 'ports below 1024 need a privilege: choose a higher one, or give the process CAP_NET_BIND_SERVICE',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const said: Record<string, string> = { EADDRINUSE: 'the port is in use', EACCES: 'permission denied', EADDRNOTAVAIL: 'the address is not available' };
  return new SteelyardError('ERR_LISTEN', {
    message: `${address.name === undefined ? '' : `listener ${address.name} `}cannot listen on ${where}: ${said[String(code)] ?? error.message}`,
    hint: hints[String(code)] ?? 'check listeners[].host and listeners[].port',
    cause: error,
  });
}

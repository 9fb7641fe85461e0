/**
 * The one face that sockets have for the data path. `node:net` stands behind it today; an engine of another kind must be able to,
 * so nothing behind this file is assumed anywhere else.
 */

/** Who is told what happens on a socket. Calls never overlap; none comes after `onClose`. */
export interface SocketHandler {
  /** A connection asked for by `connect` stands. Not called on accepted sockets. */
  onOpen(): void;
  /** Bytes came. The memory is the engine's and will be overwritten when this returns: copy what must live longer. */
  onBytes(bytes: Buffer, start: number, end: number): void;
  /** The peer will send no more (FIN). Our own direction stays open until `shutdown` or `destroy`. */
  onEnd(): void;
  /** Everything that `send` did not get rid of at once has left. */
  onDrain(): void;
  /** The socket is gone. Exactly once. `error` when the peer or the network ended it out of order. */
  onClose(error: Error | undefined): void;
}

export interface Socket {
  handler: SocketHandler;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Its number among the files of the process; -1 = the system has none, or it is closed. */
  readonly descriptor: number;
  /** `true` = gone, the memory is the caller's again. `false` = the engine owns the memory until `onDrain`. */
  send(bytes: Buffer, start: number, end: number): boolean;
  /** It has failed, or was destroyed; `onClose` may be still to come. After a `send`: not a byte of that was taken. */
  readonly isGone: boolean;
  /** Whether an earlier `send` is still waiting. */
  readonly isClogged: boolean;
  /** Bytes of earlier `send`s that the system has not taken yet. */
  readonly unsentBytes: number;
  pause(): void;
  resume(): void;
  /** FIN after what was sent; reading goes on. */
  shutdown(): void;
  /** Ends both directions now; `onClose` follows, never from inside this call. What was not sent yet is lost. */
  destroy(): void;
  /** As `destroy`, by a reset (RST): the peer must not take what came for complete. */
  reset(): void;
}

export interface ListenAddress {
  /** Of the listener, for people. */
  readonly name?: string;
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly backlog: number;
  /** Other threads bind it too, and the system shares connections out (SO_REUSEPORT). Default false. */
  readonly isShared?: boolean;
}

export interface ListenSocket {
  readonly host: string;
  /** The port bound. */
  readonly port: number;
  /** Whether `pause` and `resume` do anything. */
  readonly canPause: boolean;
  /** Nothing is accepted until `resume`: what comes waits in the system's queue. One that is paused does not keep the event loop alive. */
  pause(): void;
  resume(): void;
  /** No more connections; those accepted live on. */
  close(): Promise<void>;
}

export interface SocketEngine {
  /** @throws SteelyardError ERR_LISTEN with what to do. */
  listen(address: ListenAddress, onConnection: (socket: Socket) => void, onAcceptError: (error: Error) => void): Promise<ListenSocket>;
  /** Begins to connect; `onOpen` or `onClose` of the handler follows, never from inside this call. */
  connect(host: string, port: number, handler: SocketHandler): Socket;
}

/**
 * Bytes both ways between a client and a backend, as they are: a TCP connection, or an upgraded one.
 * Back-pressure by pause and resume; a FIN is passed on as a FIN, a reset as a reset.
 */
import type { DataThread } from '../data-thread.ts';
import type { Timed } from '../sockets/deadlines.ts';
import type { Socket, SocketHandler } from '../sockets/socket.ts';

/** Who ended it out of order; `nobody`: both sides said FIN. */
export type TunnelEnd = 'nobody' | 'client' | 'backend' | 'idle' | 'balancer';

/** One direction: what comes from `from` goes to `to`. */
class Direction implements SocketHandler {
  bytes = 0;
  /** Monotonic milliseconds; 0 = no byte came. */
  firstByteAt = 0;
  hasEnded = false;
  hasClosed = false;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #tunnel: Tunnel;

  constructor(from: Socket, to: Socket, tunnel: Tunnel) {
    this.#from = from;
    this.#to = to;
    this.#tunnel = tunnel;
  }

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.bytes === 0) this.firstByteAt = this.#tunnel.thread.deadlines.readClock();
    this.bytes += end - start;
    this.#tunnel.touch();
    if (!this.#tunnel.thread.out.relay(this.#to, bytes, start, end)) this.#from.pause();
  }

  onEnd(): void {
    this.hasEnded = true;
    this.#tunnel.touch();
    // The last FIN of the two goes out by the close of its socket, unless something waits before it.
    if (this.#tunnel.hasEnded && !this.#to.isClogged) this.#to.destroy();
    else this.#to.shutdown();
  }

  /** The other direction's bytes have left towards `from`. */
  onDrain(): void {
    this.#tunnel.touch();
    this.#to.resume();
  }

  onClose(error: Error | undefined): void {
    this.hasClosed = true;
    this.#tunnel.sideClosed(this, error !== undefined || !this.hasEnded);
  }

  reset(): void {
    this.#from.reset();
  }
}

/** What came before the tunnel stood. */
interface EarlyBytes {
  readonly fromClient?: Buffer | undefined;
  readonly fromBackend?: Buffer | undefined;
  /** The client has said FIN already: its `onEnd` will not come again. */
  readonly clientHasEnded?: boolean;
}

export class Tunnel implements Timed {
  readonly thread: DataThread;
  deadline: number;
  deadlineIndex = -1;
  readonly #up: Direction;
  readonly #down: Direction;
  readonly #client: Socket;
  readonly #idleMs: number;
  readonly #ended: (end: TunnelEnd) => void;
  #end: TunnelEnd = 'nobody';
  #isCut = false;

  /** Takes both sockets over. @param ended called once, when both are closed. @param idleMs without a byte either way, then it is cut. */
  constructor(thread: DataThread, client: Socket, backend: Socket, idleMs: number, ended: (end: TunnelEnd) => void) {
    this.thread = thread;
    this.#up = new Direction(client, backend, this);
    this.#down = new Direction(backend, client, this);
    this.#client = client;
    this.#idleMs = idleMs;
    this.#ended = ended;
    client.handler = this.#up;
    backend.handler = this.#down;
    this.deadline = thread.deadlines.in(idleMs);
    thread.deadlines.add(this);
  }

  /** Both sides have said FIN. */
  get hasEnded(): boolean {
    return this.#up.hasEnded && this.#down.hasEnded;
  }
  get clientHasEnded(): boolean {
    return this.#up.hasEnded;
  }
  get bytesFromClient(): number {
    return this.#up.bytes;
  }
  get bytesToClient(): number {
    return this.#down.bytes;
  }
  /** Milliseconds from `start` to the backend's first byte; -1 = none came. */
  firstByteMs(start: number): number {
    return this.#down.bytes === 0 ? -1 : this.#down.firstByteAt - start;
  }

  begin({ fromClient, fromBackend, clientHasEnded = false }: EarlyBytes): void {
    // Whoever had the client's socket may have paused it. First, because relaying may pause it again.
    this.#client.resume();
    if (fromClient && fromClient.length > 0) this.#up.onBytes(fromClient, 0, fromClient.length);
    if (fromBackend && fromBackend.length > 0) this.#down.onBytes(fromBackend, 0, fromBackend.length);
    if (clientHasEnded) this.#up.onEnd();
  }

  touch(): void {
    if (!this.#isCut) this.deadline = this.thread.deadlines.in(this.#idleMs);
  }

  sideClosed(side: Direction, isOutOfOrder: boolean): void {
    const other = side === this.#up ? this.#down : this.#up;
    if (isOutOfOrder && this.#end === 'nobody') this.#end = side === this.#up ? 'client' : 'backend';
    if (!other.hasClosed) {
      if (isOutOfOrder) other.reset();
      return;
    }
    this.thread.deadlines.remove(this);
    this.#ended(this.#end);
  }

  onDeadline(): void {
    this.#cut('idle');
  }

  cut(): void {
    this.#cut('balancer');
  }

  #cut(why: TunnelEnd): void {
    this.#isCut = true;
    if (this.#end === 'nobody') this.#end = why;
    if (!this.#up.hasClosed) this.#up.reset();
    if (!this.#down.hasClosed) this.#down.reset();
  }
}

/** A connection to a backend: used by one exchange at a time, kept idle between two. */
import type { Socket, SocketEngine, SocketHandler } from '../sockets/socket.ts';
import type { Deadlines, Timed } from '../sockets/deadlines.ts';
import type { BackendState } from './backend.ts';
import type { IdleConnections } from './idle.ts';

/** Who uses it now. Nothing is called after `onUpstreamGone`, or after the user let go by `destroy` or `park`. */
export interface UpstreamUser {
  onUpstreamOpen(): void;
  onUpstreamBytes(bytes: Buffer, start: number, end: number): void;
  onUpstreamEnd(): void;
  onUpstreamDrain(): void;
  onUpstreamGone(error: Error | undefined): void;
  onUpstreamDeadline(): void;
}

export class UpstreamConnection implements SocketHandler, Timed {
  readonly backend: BackendState;
  readonly socket: Socket;
  user: UpstreamUser | undefined;
  isOpen = false;
  /** It has carried an exchange before: the backend may have closed it without our knowing yet. */
  isReused = false;
  deadline = Infinity;
  deadlineIndex = -1;
  readonly #deadlines: Deadlines;
  readonly #idle: IdleConnections;

  constructor(engine: SocketEngine, deadlines: Deadlines, idle: IdleConnections, backend: BackendState, user: UpstreamUser) {
    this.backend = backend;
    this.user = user;
    this.#deadlines = deadlines;
    this.#idle = idle;
    deadlines.add(this);
    idle.opened(this);
    this.socket = engine.connect(backend.connectHost, backend.port, this);
  }

  /** Ends the use: the connection waits for the next one for `idleMs`. */
  park(idleMs: number, maxIdle: number): void {
    this.user = undefined;
    this.isReused = true;
    this.deadline = this.#deadlines.in(idleMs);
    if (!this.#idle.park(this, maxIdle)) this.destroy();
  }

  /** Ends the use and the connection; its user hears nothing more of it. */
  destroy(): void {
    this.user = undefined;
    this.deadline = Infinity;
    this.socket.destroy();
  }

  onOpen(): void {
    this.#deadlines.readClock();
    this.isOpen = true;
    this.user?.onUpstreamOpen();
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.#deadlines.readClock();
    if (this.user) return this.user.onUpstreamBytes(bytes, start, end);
    // Nobody asked for anything: such bytes would be taken for the next response (queue poisoning).
    this.#idle.remove(this);
    this.destroy();
  }

  onEnd(): void {
    this.#deadlines.readClock();
    if (this.user) return this.user.onUpstreamEnd();
    this.#idle.remove(this);
    this.destroy();
  }

  onDrain(): void {
    this.#deadlines.readClock();
    this.user?.onUpstreamDrain();
  }

  onClose(error: Error | undefined): void {
    this.#deadlines.readClock();
    this.#deadlines.remove(this);
    this.#idle.closed(this);
    const user = this.user;
    this.user = undefined;
    user?.onUpstreamGone(error);
  }

  onDeadline(): void {
    if (this.user) return this.user.onUpstreamDeadline();
    this.#idle.remove(this);
    this.destroy();
  }
}

/** What every client connection is, whatever is spoken on it. */
import type { Connection, Protocol } from '@steelyard/sdk';
import type { DataThread } from '../data-thread.ts';
import type { Generation, ListenerPlan } from '../generation.ts';
import type { Socket } from '../sockets/socket.ts';
import type { Admitted } from './admission.ts';
import type { Listener } from './listener.ts';

export abstract class ClientConnection implements Connection {
  abstract readonly protocol: Protocol;
  readonly socket: Socket;
  readonly thread: DataThread;
  /** What it takes of the limits of connections. */
  readonly admitted: Admitted;
  readonly #id: number;
  readonly #listener: string;
  readonly #openedAt: number;
  readonly #owner: Listener;
  readonly #remoteAddress: string;

  constructor(thread: DataThread, owner: Listener, socket: Socket, admitted: Admitted) {
    this.thread = thread;
    this.#openedAt = thread.deadlines.readClock();
    this.#id = thread.nextConnectionId();
    this.socket = socket;
    this.#owner = owner;
    this.admitted = admitted;
    this.#listener = owner.name;
    this.#remoteAddress = socket.remoteAddress;
  }

  // Plugins are shown these: they can read, and not write.

  get id(): number {
    return this.#id;
  }
  /** The listener's name when it was accepted: a reload may give another. */
  get listener(): string {
    return this.#listener;
  }
  get remoteAddress(): string {
    return this.#remoteAddress;
  }
  /** Monotonic milliseconds. */
  get openedAt(): number {
    return this.#openedAt;
  }
  get remotePort(): number {
    return this.socket.remotePort;
  }
  get localAddress(): string {
    return this.socket.localAddress;
  }
  get localPort(): number {
    return this.socket.localPort;
  }
  /** The newest generation's view of the listener. */
  get plan(): ListenerPlan {
    return this.#owner.plan;
  }
  /** The config that the exchange under way runs under. */
  abstract get generation(): Generation | undefined;

  /** Asks `onConnect`, then goes on by `admit`. */
  abstract open(): void;
  /** `onConnect` has nothing against it. */
  abstract admit(): void;
  /** Stop, or removal of the listener: it ends as soon as it can without cutting anything. */
  abstract drain(): void;
  /** The drain limit is over. */
  abstract cut(): void;

  /** It is closed: the listener counts it no more. */
  protected leave(): void {
    this.#owner.forget(this);
  }
}

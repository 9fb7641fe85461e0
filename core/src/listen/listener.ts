/** A listening socket and the connections it accepted. It outlives generations: a reload changes its plan, not its socket. */
import type { DataThread } from '../data-thread.ts';
import type { ListenerPlan } from '../generation.ts';
import type { ClientConnection } from './client-connection.ts';
import { HttpConnection } from '../request/connection.ts';
import type { ListenAddress, ListenSocket, Socket } from '../sockets/socket.ts';
import { StreamConnection } from '../stream/connection.ts';
import { Admission, type Admitted } from './admission.ts';

export class Listener {
  /** The newest generation's view. Connections look it up for each exchange. */
  plan: ListenerPlan;
  readonly #thread: DataThread;
  readonly #admission: Admission;
  readonly #connections = new Set<ClientConnection>();
  #socket: ListenSocket | undefined;

  readonly #place: Pick<ListenAddress, 'port' | 'isShared'>;

  /** @param place in place of the config's port */
  constructor(thread: DataThread, plan: ListenerPlan, place: Pick<ListenAddress, 'port' | 'isShared'> = { port: plan.config.port }) {
    this.#thread = thread;
    this.plan = plan;
    this.#place = place;
    this.#admission = new Admission(thread, plan, (socket, admitted) => this.#serve(socket, admitted));
  }

  get name(): string {
    return this.plan.config.name;
  }
  get host(): string {
    return this.#socket?.host ?? this.plan.config.host;
  }
  /** The port bound. */
  get port(): number {
    return this.#socket?.port ?? this.plan.config.port;
  }
  get connections(): ReadonlySet<ClientConnection> {
    return this.#connections;
  }

  /** Binds, and holds what it accepts until `serve`. @throws SteelyardError ERR_LISTEN. */
  async bind(): Promise<void> {
    this.#socket = await this.#thread.engine.listen(
      { ...this.plan.config, ...this.#place },
      (socket) => this.#admission.offer(socket),
      (error) => this.#thread.events.fault(error, `listener ${this.name} could not accept a connection`),
    );
    this.#admission.bound(this.#socket);
  }

  /** From now on connections are served, those held first. */
  serve(): void {
    this.#admission.open();
  }

  #serve(socket: Socket, admitted: Admitted): void {
    const connection =
      this.plan.config.protocol === 'tcp' ? new StreamConnection(this.#thread, this, socket, admitted) : new HttpConnection(this.#thread, this, socket, admitted);
    this.#connections.add(connection);
    this.#thread.metrics.connectionOpened(this.name);
    socket.resume();
    connection.open();
  }

  forget(connection: ClientConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#thread.metrics.connectionClosed(connection.listener);
    this.#admission.left(connection.admitted);
  }

  /** The view of the next generation. What connections of another protocol have begun they may end; they begin nothing under it. */
  follow(plan: ListenerPlan): void {
    const isOther = plan.config.protocol !== this.plan.config.protocol;
    this.plan = plan;
    this.#admission.follow(plan);
    if (!isOther) return;
    this.cut((connection) => connection.protocol === 'http' && connection.generation === undefined);
    for (const connection of this.#connections) connection.drain();
  }

  /** No more connections; those that are open end as they become idle. */
  async close(): Promise<void> {
    this.#admission.close();
    await this.#socket?.close();
    for (const connection of this.#connections) connection.drain();
  }

  /** The drain limit is over: what is still open, and `belongs` to what ended, is cut. */
  cut(belongs: (connection: ClientConnection) => boolean = () => true): void {
    for (const connection of this.#connections) if (belongs(connection)) connection.cut();
  }
}

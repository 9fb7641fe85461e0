/** Open connections to backends that nobody uses now, newest first: the newest is the least likely to be closed by the backend. */
import type { BackendState } from './backend.ts';
import type { UpstreamConnection } from './connection.ts';

export class IdleConnections {
  readonly #parked = new Map<BackendState, UpstreamConnection[]>();
  readonly #all = new Set<UpstreamConnection>();

  take(backend: BackendState): UpstreamConnection | undefined {
    const parked = this.#parked.get(backend);
    for (let connection = parked?.pop(); connection; connection = parked!.pop()) {
      connection.deadline = Infinity;
      // One that was reset in this turn of the event loop tells so only at its end: a POST would be lost with it.
      if (!connection.socket.isGone) return connection;
    }
    return undefined;
  }

  /** False when there are enough. */
  park(connection: UpstreamConnection, maxIdle: number): boolean {
    let parked = this.#parked.get(connection.backend);
    if (!parked) this.#parked.set(connection.backend, (parked = []));
    if (parked.length >= maxIdle) return false;
    parked.push(connection);
    return true;
  }

  remove(connection: UpstreamConnection): void {
    const parked = this.#parked.get(connection.backend);
    const index = parked?.indexOf(connection) ?? -1;
    if (index >= 0) parked!.splice(index, 1);
  }

  /** The backend is down or gone: what is parked there is of no use. Connections in use go on. */
  drop(backend: BackendState): void {
    const parked = this.#parked.get(backend);
    this.#parked.delete(backend);
    for (const connection of parked ?? []) connection.destroy();
  }

  opened(connection: UpstreamConnection): void {
    this.#all.add(connection);
  }
  closed(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    this.remove(connection);
  }

  /** Connections to backends, used and parked. */
  get size(): number {
    return this.#all.size;
  }

  destroyAll(): void {
    this.#parked.clear();
    for (const connection of this.#all) connection.destroy();
  }
}

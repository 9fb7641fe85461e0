/**
 * The addresses that all workers bind. Main binds each new one alone first and lets it go: a second process with SO_REUSEPORT would silently
 * share the port, and port 0 must become one number for all.
 */
import type { ResolvedListener } from '../config/resolved.ts';
import { heldByUs } from '../listen/bind.ts';
import type { SocketEngine } from '../sockets/socket.ts';
import { keyOf } from './data-plane.ts';

export interface Bound {
  readonly host: string;
  readonly port: number;
}

export class SharedPorts {
  readonly #engine: SocketEngine;
  #held = new Map<string, Bound & { name: string }>();

  constructor(engine: SocketEngine) {
    this.#engine = engine;
  }

  /**
   * The address of each listener by its name: that of the listener before it, or a new one that was found free.
   * @throws SteelyardError ERR_LISTEN
   */
  async find(listeners: readonly ResolvedListener[]): Promise<Map<string, Bound>> {
    const found = new Map<string, Bound>();
    for (const listener of listeners) {
      const { host, port } = this.#held.get(keyOf(listener)) ?? (await this.#probe(listener));
      found.set(listener.name, { host, port });
    }
    return found;
  }

  /** These are bound from now on, and no others. */
  hold(listeners: readonly ResolvedListener[], found: ReadonlyMap<string, Bound>): void {
    this.#held = new Map(listeners.map((listener) => [keyOf(listener), { ...found.get(listener.name)!, name: listener.name }]));
  }

  async #probe(listener: ResolvedListener): Promise<Bound> {
    try {
      const socket = await this.#engine.listen(listener, (early) => early.destroy(), () => {});
      await socket.close();
      return { host: socket.host, port: socket.port };
    } catch (cause) {
      const own = [...this.#held.values()].find(({ port }) => port === listener.port);
      throw own ? heldByUs(cause, listener, own) : cause;
    }
  }
}

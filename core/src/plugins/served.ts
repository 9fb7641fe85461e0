/** `host.serve`: small HTTP servers of plugins (metrics, admin). The core owns the sockets: a reload changes handlers, never ports. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SteelyardError } from '@steelyard/sdk';
import type { Claimant } from './shared.ts';

export type GuardedHandler = (request: IncomingMessage, response: ServerResponse) => void;

interface Served {
  readonly key: string;
  /** Rejects when the address cannot be bound. */
  readonly bound: Promise<{ host: string; port: number }>;
  readonly server: Server;
  /** A handler for each living generation that claims the address. */
  readonly handlers: Map<Claimant, { plugin: string; handler: GuardedHandler }>;
  /** Whose handler answers; `undefined` = nobody has been committed yet: 503. */
  live: Claimant | undefined;
}

export class ServedRegistry {
  readonly #served = new Map<string, Served>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #released = new WeakSet<Claimant>();
  /** How many free ports each plugin asked for so far, by generation: the next generation's first finds this one's first. */
  readonly #freePorts = new WeakMap<Claimant, Map<string, number>>();
  #live: Claimant | undefined;

  /**
   * Binds the address now, so that a port in use fails the (re)load, or finds the socket of the generation before.
   * The handler answers from `commit` on.
   * @param port 0 = any free one, the same again for the next generation
   * @throws SteelyardError ERR_SHARED when it cannot bind, or when this generation serves there already
   */
  async serve(claimant: Claimant, plugin: string, host: string, port: number, handler: GuardedHandler): Promise<{ host: string; port: number }> {
    const key = port === 0 ? `${host} #${this.#nextFreePort(claimant, plugin, host)} of ${plugin}` : `${host} ${port}`;
    for (let closing = this.#closing.get(key); closing; closing = this.#closing.get(key)) await closing;
    if (this.#released.has(claimant)) throw new SteelyardError('ERR_STATE', { message: `plugin ${plugin} asked to serve after its generation had ended`, source: 'plugin' });
    const served = this.#served.get(key) ?? this.#open(key, host, port);
    const other = served.handlers.get(claimant);
    if (other) throw bindError(plugin, host, port, `${other.plugin} serves there already, by the same config`, 'give one of them another port');
    served.handlers.set(claimant, { plugin, handler });
    if (this.#live === claimant) served.live = claimant;
    try {
      return await served.bound;
    } catch (cause) {
      if (this.#served.get(key) === served) this.#served.delete(key);
      const { reason, hint } = whyNotBound((cause as NodeJS.ErrnoException).code, host, port);
      throw bindError(plugin, host, port, reason, hint, cause);
    }
  }

  /** The switch: the handlers of this generation answer from now on. */
  commit(claimant: Claimant): void {
    this.#live = claimant;
    for (const served of this.#served.values()) {
      if (served.handlers.has(claimant)) served.live = claimant;
    }
  }

  /** What is served now, by whom, and where. */
  list(): { plugin: string; host: string; port: number }[] {
    return [...this.#served.values()].flatMap(({ live, handlers, server }) => {
      const plugin = live === undefined ? undefined : handlers.get(live)?.plugin;
      const bound = server.address();
      return plugin === undefined || bound === null || typeof bound === 'string' ? [] : [{ plugin, host: bound.address, port: bound.port }];
    });
  }

  /** Gives back all addresses of one generation; resolves when those that nobody claims any more are closed. */
  async release(claimant: Claimant): Promise<void> {
    this.#released.add(claimant);
    if (this.#live === claimant) this.#live = undefined;
    const ends: Promise<void>[] = [];
    for (const served of this.#served.values()) {
      if (!served.handlers.delete(claimant)) continue;
      if (served.handlers.size > 0) continue;
      this.#served.delete(served.key);
      const end = this.#close(served).finally(() => this.#closing.delete(served.key));
      this.#closing.set(served.key, end);
      ends.push(end);
    }
    await Promise.all(ends);
  }

  #nextFreePort(claimant: Claimant, plugin: string, host: string): number {
    let counts = this.#freePorts.get(claimant);
    if (counts === undefined) this.#freePorts.set(claimant, (counts = new Map()));
    const name = `${plugin} ${host}`;
    const ordinal = (counts.get(name) ?? 0) + 1;
    counts.set(name, ordinal);
    return ordinal;
  }

  #open(key: string, host: string, port: number): Served {
    const server = createServer((request, response) => {
      const live = served.live === undefined ? undefined : served.handlers.get(served.live);
      if (live) return live.handler(request, response);
      response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' });
      response.end('not ready: the config is still being loaded\n');
    });
    const bound = new Promise<{ host: string; port: number }>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        // An accept that fails (no file descriptors left) must not end the process; the next one may work.
        server.on('error', () => {});
        const address = server.address() as AddressInfo;
        resolve({ host: address.address, port: address.port });
      });
    });
    const served: Served = { key, bound, server, handlers: new Map(), live: undefined };
    this.#served.set(key, served);
    return served;
  }

  async #close({ server, bound }: Served): Promise<void> {
    try {
      await bound;
    } catch {
      return; // was never open
    }
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}

function bindError(plugin: string, host: string, port: number, reason: string, hint: string, cause?: unknown): SteelyardError {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new SteelyardError('ERR_SHARED', { message: `plugin ${plugin} cannot serve on ${authority}: ${reason}`, hint, source: 'plugin', cause });
}

function whyNotBound(code: string | undefined, host: string, port: number): { reason: string; hint: string } {
  switch (code) {
    case 'EADDRINUSE':
      return { reason: 'the port is in use', hint: `see who listens there with \`ss -ltnp 'sport = :${port}'\`, or give the plugin another port` };
    case 'EACCES':
      return { reason: 'this user may not bind it', hint: 'ports below 1024 need the right to (CAP_NET_BIND_SERVICE); take one above' };
    case 'EADDRNOTAVAIL':
      return { reason: 'this machine has no such address', hint: 'use 127.0.0.1, 0.0.0.0, or an address that `ip addr` shows' };
    case 'ENOTFOUND':
      return { reason: `the name ${host} is not known`, hint: 'use an address instead of a name' };
    default:
      return { reason: 'the address cannot be bound', hint: 'check host and port' };
  }
}

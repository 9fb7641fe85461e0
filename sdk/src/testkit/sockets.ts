/** `host.serve` of a world: real HTTP on the loopback address, so that a handler is tested through the client of one's choice. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SteelyardError } from '../errors.ts';
import type { ServeAddress, ServeHandler } from '../host.ts';

interface Served {
  readonly server: Server;
  handler: ServeHandler;
  readonly port: number;
}

/**
 * Whatever port is asked for, a free one of 127.0.0.1 is bound, so that tests never collide. The same address asked for again
 * (a reload, in a second host) changes the handler and keeps the socket, as in the core.
 */
export class ServedAddresses {
  readonly #served = new Map<string, Served>();

  async serve(plugin: string, address: ServeAddress, handler: ServeHandler): Promise<{ host: string; port: number }> {
    const key = `${plugin} ${address.host ?? '127.0.0.1'} ${address.port}`;
    const known = this.#served.get(key);
    if (known) known.handler = handler;
    const served = known ?? (await this.#open(handler));
    this.#served.set(key, served);
    return { host: '127.0.0.1', port: served.port };
  }

  async #open(handler: ServeHandler): Promise<Served> {
    const server = createServer((request, response) => {
      Promise.resolve()
        .then(() => served.handler(request, response))
        .catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(new SteelyardError('ERR_SHARED', { cause })));
      server.listen(0, '127.0.0.1', resolve);
    });
    const served: Served = { server, handler, port: (server.address() as AddressInfo).port };
    return served;
  }

  async close(): Promise<void> {
    for (const { server } of this.#served.values()) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    this.#served.clear();
  }
}

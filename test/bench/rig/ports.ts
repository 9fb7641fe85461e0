/** Free ports of 127.0.0.1 for programs that cannot be asked for port 0. */
import { createServer } from 'node:net';

/** Below the range from which the kernel takes ports for outgoing connections (32768 on): the load's own sockets must not get there first. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

export class Ports {
  readonly #given = new Set<number>();

  /** One that nobody listens on, and that was not given before. */
  async next(): Promise<number> {
    for (;;) {
      const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
      if (this.#given.has(port) || !(await isFree(port))) continue;
      this.#given.add(port);
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

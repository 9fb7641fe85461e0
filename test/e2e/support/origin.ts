/** Backends for tests: one on node:http, which behaves, and one on raw sockets, which does as it is told. Both end with the test. */
import http from 'node:http';
import net from 'node:net';
import { onTestFinished } from 'vitest';

export interface Origin {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  connections: number;
  close(): Promise<void>;
}

/** A well-behaved HTTP server. */
export async function httpOrigin(handler: http.RequestListener): Promise<Origin> {
  const server = http.createServer({ keepAliveTimeout: 60_000 }, handler);
  return listen(server, 'http', () => server.closeAllConnections());
}

/** An HTTP server that answers 200 with its name. */
export function namedOrigin(name: string): Promise<Origin> {
  return httpOrigin((_request, response) => response.end(name));
}

/** Whatever the test wants to do with the bytes of a connection. */
export async function rawOrigin(onConnection: (socket: net.Socket) => void, scheme = 'http'): Promise<Origin> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onConnection(socket);
  });
  return listen(server, scheme, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Reads requests without bodies and gives each the next answer of the list, the last one again when there are no more. */
export function scriptedOrigin(answers: readonly string[], onRequest: (head: string) => void = () => {}): Promise<Origin> {
  let next = 0;
  return rawOrigin((socket) => {
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        onRequest(received.slice(0, end + 4));
        received = received.slice(end + 4);
        socket.write(answers[Math.min(next++, answers.length - 1)]!, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  });
}

async function listen(server: net.Server, scheme: string, cut: () => void): Promise<Origin> {
  const origin: Origin = {
    url: '', port: 0, connections: 0,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      cut();
    }),
  };
  server.on('connection', () => origin.connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  onTestFinished(() => (server.listening ? origin.close() : undefined));
  return Object.assign(origin, { port, url: `${scheme}://127.0.0.1:${port}` });
}

/** A port of 127.0.0.1 where nobody listens. */
export async function deadPort(): Promise<number> {
  for (;;) {
    // Below those that the system gives to whoever asks for any: nobody else's test gets it meanwhile.
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = net.createServer();
    const isFree = await new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (!isFree) continue;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return port;
  }
}

/** Before the first byte: `onConnect`. A plugin may refuse the connection; nothing of the client's was read for it. */
import type { ClientConnection } from '../listen/client-connection.ts';

export function connect(connection: ClientConnection): void {
  const hook = connection.plan.hooks.onConnect;
  if (!hook) return connection.admit();
  connection.socket.pause();
  hook.callAsync(connection, (error, verdict) => {
    // No guard lets an error through; should one do it, nobody is let in.
    if (error) return connection.socket.destroy();
    if (verdict) {
      connection.thread.metrics.connectionRefused(connection.listener);
      connection.thread.events.refused(connection, verdict.code ?? 'ERR_REFUSED', verdict.refuse);
      connection.socket.destroy();
      return;
    }
    connection.socket.resume();
    connection.admit();
  });
}

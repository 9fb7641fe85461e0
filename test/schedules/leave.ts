import type net from 'node:net';
import type { Ending } from './schedule.ts';

const isBeingReset = new WeakSet<net.Socket>();

/** FIN; a reset; or a close, which is a FIN when everything that came was read, and a reset otherwise. */
export function leave(socket: net.Socket, how: Ending): void {
  if (socket.destroyed || isBeingReset.has(socket)) return;
  if (how === 'end') socket.end();
  else if (how === 'reset') reset(socket);
  else socket.destroy();
}

/** libuv refuses a reset while a FIN is on its way out, and then the socket stays for ever. */
function reset(socket: net.Socket): void {
  isBeingReset.add(socket);
  if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

import type net from 'node:net';
import type { Ending } from './schedule.ts';

/** FIN; a reset; or a close, which is a FIN when everything that came was read, and a reset otherwise. */
export function leave(socket: net.Socket, how: Ending): void {
  if (socket.destroyed) return;
  if (how === 'end') socket.end();
  else if (how === 'reset') reset(socket);
  else socket.destroy();
}

/** libuv refuses a reset while a FIN is on its way out, and then the socket stays for ever. It is out within this turn of the loop. */
function reset(socket: net.Socket): void {
  if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

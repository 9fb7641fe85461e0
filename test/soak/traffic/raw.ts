/** A client that writes what it likes and reads until the end. */
import net from 'node:net';
import { LATE_MS, type Fate } from './fate.ts';

/** Does something with the socket once it is connected; the exchange ends when the socket is closed. */
export type Script = (socket: net.Socket) => void;

export interface Heard {
  bytes: Buffer;
  isLate: boolean;
}

/** What was received until the connection ended. */
export function hear(port: number, script: Script): Promise<Heard> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let isLate = false;
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }, () => script(socket));
    const timer = setTimeout(() => {
      isLate = true;
      socket.destroy();
    }, LATE_MS);
    socket.on('error', () => {}).on('data', (part: Buffer) => parts.push(part)).on('end', () => socket.end());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ bytes: Buffer.concat(parts), isLate });
    });
  });
}

/** By the status line, if there is one. */
export function fateOf({ bytes, isLate }: Heard): Fate {
  if (isLate) return { kind: 'late' };
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, 20))?.[1] ?? NaN);
  if (!Number.isNaN(status)) return { kind: 'status', status };
  return bytes.length === 0 ? { kind: 'cut' } : { kind: 'wrong', why: `no status line: ${bytes.toString('latin1', 0, 40)}` };
}

/** One part after the other. (Timers of different lengths that are late may come in another order than they were set.) */
export function writeInTurn(socket: net.Socket, parts: readonly Buffer[], pauseMs: number): void {
  const [next, ...rest] = parts;
  if (next === undefined || !socket.writable) return;
  socket.write(next);
  setTimeout(writeInTurn, pauseMs, socket, rest, pauseMs);
}

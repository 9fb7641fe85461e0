import { getSystemErrorName } from 'node:util';

/** What `node:net` would have made of an error number of libuv. */
export function systemError(errno: number, syscall: string): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}

/** No file descriptor, or no memory of the system, is left for a socket: ours is the fault, not the peer's. */
export function isExhaustion(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS';
}

/** The peer has gone. */
export function isReset(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

import { getSystemErrorName } from 'node:util';

/** What `node:net` would have made of an error number of libuv. */
export function systemError(errno: number, syscall: string): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}

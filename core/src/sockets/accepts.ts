/**
 * Accepting handles. `net.Server` makes a `net.Socket` of each connection, and reading into a buffer of ours is an option of the
 * constructor: a second one would have to take the handle over. So the handle is taken before the first is made.
 * Internals of `node:net`; where they are not as expected the server goes on by its event 'connection'.
 */
import type net from 'node:net';
import { systemError } from './system-error.ts';

/** What is used of a TCP handle of Node here. */
export interface AcceptedHandle {
  setNoDelay(on: boolean): number;
}

interface ListeningHandle {
  /** Called by libuv's side. `status` below 0 = an error number, and there is no handle. */
  onconnection: (status: number, accepted: AcceptedHandle | undefined) => void;
}

/** @param server listens already, in this turn of the loop. @returns false: nothing was changed. */
export function acceptHandles(server: net.Server, onHandle: (handle: AcceptedHandle) => void, onError: (error: Error) => void): boolean {
  const listening = (server as net.Server & { _handle?: Partial<ListeningHandle> | null })._handle;
  if (typeof listening?.onconnection !== 'function' || listening.onconnection.length !== 2) return false;
  listening.onconnection = (status, accepted): void => {
    if (status < 0 || accepted === undefined) onError(systemError(status, 'accept'));
    else onHandle(accepted);
  };
  return true;
}

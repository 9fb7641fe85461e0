/**
 * Accepting handles, and not accepting. `net.Server` makes a `net.Socket` of each connection, and reading into a buffer of ours is an option of
 * the constructor: a second one would have to take the handle over. So the handle is taken before the first is made.
 * Internals of `node:net`; where they are not as expected the server goes on by its event 'connection'.
 */
import net from 'node:net';
import { MessageChannel, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import { systemError } from './system-error.ts';

/** What is used of a TCP handle of Node here. */
export interface AcceptedHandle {
  setNoDelay(on: boolean): number;
}

interface ListeningHandle {
  /** Called by libuv's side. `status` below 0 = an error number, and there is no handle. */
  onconnection: (status: number, accepted: AcceptedHandle | undefined) => void;
  readStart: () => number;
  readStop: () => number;
}
type ListeningServer = net.Server & { _handle?: Partial<ListeningHandle> | null };

/** @param server listens already, in this turn of the loop. @returns false: nothing was changed. */
export function acceptHandles(server: net.Server, onHandle: (handle: AcceptedHandle) => void, onError: (error: Error) => void): boolean {
  const listening = (server as ListeningServer)._handle;
  if (typeof listening?.onconnection !== 'function' || listening.onconnection.length !== 2) return false;
  listening.onconnection = (status, accepted): void => {
    if (status < 0 || accepted === undefined) onError(systemError(status, 'accept'));
    else onHandle(accepted);
  };
  return true;
}

/** What a paused listener of the engine can do. */
export interface Pauses {
  readonly canPause: boolean;
  pause(): void;
  resume(): void;
}

/**
 * Binds so that `pauses` finds a handle that can pause. libuv has no call for that (libuv#1937); but to stop reading takes the descriptor out of
 * the poll set, whatever it is read for, if libuv takes it for a readable stream. So it takes one that was opened by its descriptor, and not one
 * that it has bound itself. A socket is opened so when it comes by a message, also to the thread that sent it.
 * @returns `undefined`: this Node cannot (before 26.10), or the address has to be looked up, or cannot be bound: `listen` will tell.
 */
export function bindPausable(host: string, port: number, isShared: boolean): net.BoundSocket | undefined {
  if (typeof net.BoundSocket !== 'function' || net.isIP(host) === 0) return undefined;
  let bound: net.BoundSocket | undefined;
  try {
    bound = new net.BoundSocket({ host, port, reusePort: isShared });
    return moved(bound);
  } catch {
    bound?.[Symbol.dispose]();
    return undefined;
  }
}

function moved(bound: net.BoundSocket): net.BoundSocket | undefined {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(bound, [bound as unknown as Transferable]);
    return receiveMessageOnPort(port2)?.message as net.BoundSocket | undefined;
  } finally {
    port1.close();
  }
}

const CANNOT: Pauses = { canPause: false, pause() {}, resume() {} };

/** @param server as for `acceptHandles`; without one it cannot pause. */
export function pauses(server: net.Server | undefined): Pauses {
  const listening: ListeningServer | undefined = server;
  const handle = listening?._handle;
  if (typeof handle?.readStart !== 'function' || typeof handle.readStop !== 'function' || handle.readStart() !== 0) return CANNOT;
  const isOpen = (): boolean => listening?._handle === handle;
  return {
    canPause: true,
    pause: () => void (isOpen() && handle.readStop?.()),
    resume: () => void (isOpen() && handle.readStart?.()),
  };
}

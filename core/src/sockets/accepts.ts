/**
 * Accepting handles, and not accepting. `net.Server` makes a `net.Socket` of each connection, and reading into a buffer of ours is an option of
 * the constructor: a second one would have to take the handle over. So the handle is taken before the first is made.
 * Internals of `node:net`; where they are not as expected the server goes on by its event 'connection'.
 */
import cluster from 'node:cluster';
import net from 'node:net';
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

/** A handle that is bound and does not listen yet; `net.Server.listen` takes it. */
interface BoundHandle {
  readonly fd: number;
  open(fd: number): number;
  getsockname(into: object): number;
  close(): void;
}
/** What `node:net` binds with; it gives an error number where it fails. */
type CreateServerHandle = (host: string, port: number, family: number, fd: undefined, flags: number) => BoundHandle | number;

/** libuv's `UV_TCP_REUSEPORT`. */
const REUSE_PORT = 2;

/**
 * Binds so that `pauses` finds a handle that can pause. libuv has no call for that (libuv#1937); but to stop reading takes the descriptor out of
 * the poll set, whatever it is read for, if libuv takes it for a readable stream. It takes one for that which was opened by its descriptor, and
 * a handle may be told to open the very descriptor that it has.
 * @returns `undefined`: the address has to be looked up, cannot be bound, or is another process's to bind, or the internals are not as expected: `listen` will tell.
 */
export function bindPausable(host: string, port: number, isShared: boolean): BoundHandle | undefined {
  const { _createServerHandle: create } = net as { _createServerHandle?: CreateServerHandle };
  const family = net.isIP(host);
  // A worker of `node:cluster` shares its port with the others through its parent: that is `listen`'s to do.
  if (typeof create !== 'function' || family === 0 || cluster.isWorker) return undefined;
  const bound = create(host, port, family, undefined, isShared ? REUSE_PORT : 0);
  if (typeof bound === 'number') return undefined;
  if (bound.fd >= 0 && bound.getsockname({}) === 0 && bound.open(bound.fd) === 0) return bound;
  bound.close();
  return undefined;
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

/** A `net.Socket` behind the interface of `socket.ts`. */
import type net from 'node:net';
import type { HandleWrites, WritableHandle, WriteRequest } from './handle-writes.ts';
import type { PausedSockets } from './paused-sockets.ts';
import type { Socket, SocketHandler } from './socket.ts';
import { isReset, systemError } from './system-error.ts';
import type { WriteViews } from './write-views.ts';

/** What the sockets of one engine have in common. */
export interface SocketTools {
  /** One buffer serves every read. */
  readonly readBuffer: Buffer;
  readonly writes: HandleWrites;
  readonly views: WriteViews;
  readonly paused: PausedSockets;
}

const NOTHING = new Uint8Array(0);

const OWNER = Symbol('owner');
/** A `net.Socket` that has one of ours around it. */
type Owned = net.Socket & { [OWNER]?: NodeSocket };

export class NodeSocket implements Socket {
  handler: SocketHandler;
  isClogged = false;
  readonly #tools: SocketTools;
  #socket!: net.Socket;
  /** Where to write; `undefined` = by the public way, or not yet known. */
  #handle: WritableHandle | undefined;
  #hasSent = false;
  /** Writes to the handle that have not ended. */
  #underWay = 0;
  #endsWhenDrained = false;
  #isPaused = false;
  /** The peer has said FIN: nothing is read any more. */
  #hasEnded = false;
  #error: Error | undefined;

  constructor(handler: SocketHandler, tools: SocketTools) {
    this.handler = handler;
    this.#tools = tools;
  }

  /** Options that make a `net.Socket` read into the shared buffer and tell this object. */
  onread(): net.OnReadOpts {
    const buffer = this.#tools.readBuffer;
    return {
      buffer,
      callback: (size: number): boolean => {
        this.handler.onBytes(buffer, 0, size);
        return !this.#isPaused;
      },
    };
  }

  attach(socket: net.Socket): this {
    this.#socket = socket;
    (socket as Owned)[OWNER] = this;
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
    return this;
  }

  /** For the listeners below. */
  failed(error: Error): void {
    this.#error = error;
  }
  ended(): void {
    this.#hasEnded = true;
    // A write that failed has used up the error: what is read behind it is an end, and none in order.
    if (this.#error) this.#socket.destroy(this.#error);
    else this.handler.onEnd();
  }
  closed(): void {
    if (this.#isPaused) this.#tools.paused.delete(this);
    this.handler.onClose(this.#error);
  }

  /** Where `onread` cannot be had: a buffer is made for each read. */
  readChunks(): this {
    this.#socket.on('data', (chunk: Buffer) => this.handler.onBytes(chunk, 0, chunk.length));
    return this;
  }

  // Asked for by few: each costs a system call at its first use.
  get remoteAddress(): string {
    return plainAddress(this.#socket.remoteAddress ?? '');
  }
  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }
  get localAddress(): string {
    return plainAddress(this.#socket.localAddress ?? '');
  }
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  get descriptor(): number {
    return (this.#socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
  }
  get isGone(): boolean {
    return this.#socket.destroyed || this.#error !== undefined;
  }
  get unsentBytes(): number {
    return (this.#socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? this.#socket.writableLength;
  }

  send(bytes: Buffer, start: number, end: number): boolean {
    const handle = this.#handle;
    if (handle === undefined) return this.#sendPublicly(bytes, start, end);
    const view = this.#tools.views.view(bytes, start, end);
    const result = handle.writeBuffer(null, view);
    return result === 0 || this.#follow(result, view);
  }

  /** The write failed, or libuv has kept what the kernel did not take. What `send` returns. */
  #follow(result: number | WriteRequest | undefined, view: Uint8Array): boolean {
    // Asked here, not before each write: a handle that is closing refuses, one that is gone says nothing.
    if (this.#socket.destroyed || result === undefined) return true;
    if (typeof result === 'number') {
      this.#cannotWrite(result);
      return false;
    }
    this.isClogged = true;
    this.#underWay++;
    result.buffer = view;
    result.oncomplete = (status) => this.#ended(status);
    const { writeStatus } = result;
    if (typeof writeStatus === 'number') queueMicrotask(() => this.#ended(writeStatus));
    return false;
  }

  /**
   * A peer that has answered half a request, and closed, resets what comes behind: its answer is still there, and is read before the end is
   * told. While nothing is read no end would be heard; and of other errors the peer knows nothing.
   */
  #cannotWrite(errno: number): void {
    const error = systemError(errno, 'write');
    if (this.#isPaused || this.#hasEnded || !isReset(error)) this.#socket.destroy(error);
    else this.#error ??= error;
    this.#handle = undefined;
  }

  #ended(status: number): void {
    this.#underWay--;
    if (this.#socket.destroyed) return;
    if (status < 0) return this.#cannotWrite(status);
    if (this.#underWay > 0) return;
    this.isClogged = false;
    if (this.#endsWhenDrained) this.#socket.end();
    this.handler.onDrain();
  }

  #sendPublicly(bytes: Buffer, start: number, end: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed) return true;
    if (this.#error) return false;
    if (!this.#hasSent) {
      this.#hasSent = true;
      this.#handle = this.#tools.writes.handleOf(socket);
      if (this.#handle !== undefined) return this.send(bytes, start, end);
    }
    this.#tools.writes.write(socket, bytes.subarray(start, end));
    // 0 right after a write means: every byte is in the kernel. Anything else: libuv keeps a pointer into the memory.
    if (socket.writableLength === 0) return true;
    if (!this.isClogged) {
      this.isClogged = true;
      this.#awaitDrain();
    }
    return false;
  }

  /** 'drain' comes only above the high-water mark; the callback of an empty write comes behind whatever waits. */
  #awaitDrain(): void {
    const look = (): void => {
      if (this.#socket.destroyed) return;
      if (this.#socket.writableLength > 0) return this.#awaitDrain();
      this.isClogged = false;
      this.handler.onDrain();
    };
    // Behind `shutdown` a write, even of nothing, is an error that destroys the socket with all that still waits.
    if (this.#socket.writableEnded) this.#socket.once('finish', look);
    else this.#socket.write('', look);
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
    this.#tools.paused.add(this);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#tools.paused.delete(this);
    this.#socket.resume();
  }

  /**
   * A write of nothing gives the error that waits, or does nothing. Where bytes wait to be written the kernel tells by itself, and behind our FIN
   * every write is an error.
   */
  ask(): void {
    const socket = this.#socket;
    if (this.#error) socket.destroy(this.#error);
    if (this.#underWay > 0 || socket.destroyed || socket.connecting || socket.writableEnded) return;
    const handle = this.#hasSent ? this.#handle : this.#tools.writes.handleOf(socket);
    const result = handle?.writeBuffer(null, NOTHING);
    if (typeof result === 'number' && result < 0) socket.destroy(systemError(result, 'read'));
  }

  shutdown(): void {
    // libuv would send the FIN behind what waits, but refuses a reset from then on: the peer may never read that.
    if (this.#underWay > 0) this.#endsWhenDrained = true;
    else this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    const socket = this.#socket;
    const isSendingFin = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    // libuv refuses a reset while a FIN is on its way out, and then 'close' never comes. It is out within this turn of the loop.
    if (isSendingFin && !socket.destroyed) socket.once('finish', () => socket.resetAndDestroy());
    else socket.resetAndDestroy();
  }
}

// Shared by all sockets, `this` is the one that tells: closures for each were a twentieth of what an idle connection holds.
function onEnd(this: Owned): void {
  this[OWNER]!.ended();
}
function onError(this: Owned, error: Error): void {
  this[OWNER]!.failed(error);
}
function onClose(this: Owned): void {
  this[OWNER]!.closed();
}

/** An IPv4 address as such, also where the socket is a dual-stack one (`::ffff:10.0.0.1`). */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

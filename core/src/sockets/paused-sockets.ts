/**
 * A socket that is not read hears of no reset: Node asks the kernel for nothing then. So those that are paused, because the other side is slow or a
 * plugin thinks, are asked now and then; otherwise a client that left would hold its backend until a time-out. (A FIN behind bytes that nobody
 * reads stays unseen: the kernel gives it out behind them.)
 */

/** One system call for each paused socket: 5,000 slow readers cost 0.3 % of a core. */
const ASK_EVERY_MS = 2_000;

export interface PausedSocket {
  /** Looks whether it was reset, and ends it then. */
  ask(): void;
}

export class PausedSockets {
  readonly #paused = new Set<PausedSocket>();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(everyMs = ASK_EVERY_MS) {
    this.#everyMs = everyMs;
  }

  add(socket: PausedSocket): void {
    this.#paused.add(socket);
    this.#timer ??= setInterval(() => this.#askAll(), this.#everyMs).unref();
  }

  delete(socket: PausedSocket): void {
    this.#paused.delete(socket);
  }

  /** The timer ends here and not with the last one's end: back-pressure comes and goes many times a second. */
  #askAll(): void {
    if (this.#paused.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const socket of this.#paused) socket.ask();
  }
}

/**
 * Looks whether each worker still beats. It counts its own looks, not the clock: after the whole process was stopped for a while (SIGSTOP, a
 * suspended machine) every worker would seem silent.
 */
import type { Scoreboard } from '../board/scoreboard.ts';
import type { WorkerHandle } from './worker-handle.ts';

const LOOKS_PER_LIMIT = 10;

/** How often a worker shows a sign of life, so that a busy one is not taken for a dead one. Milliseconds. */
export function beatMsOf(stallLimitMs: number): number {
  return Math.max(5, stallLimitMs / (LOOKS_PER_LIMIT * 2));
}

export class Watchdog {
  readonly #board: Scoreboard;
  readonly #onSilent: (worker: WorkerHandle, silentMs: number) => void;
  readonly #watched = new Map<WorkerHandle, { beats: number; silentLooks: number }>();
  #limitMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(board: Scoreboard, onSilent: (worker: WorkerHandle, silentMs: number) => void) {
    this.#board = board;
    this.#onSilent = onSilent;
  }

  /** @param ms silence after which a worker is given up */
  setLimit(ms: number): void {
    if (ms === this.#limitMs) return;
    this.#limitMs = ms;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), ms / LOOKS_PER_LIMIT).unref();
  }

  /** It has begun to beat. */
  watch(worker: WorkerHandle): void {
    this.#watched.set(worker, { beats: -1, silentLooks: 0 });
  }
  forget(worker: WorkerHandle): void {
    this.#watched.delete(worker);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #look(): void {
    for (const [worker, state] of this.#watched) {
      const beats = this.#board.beats(worker.block);
      state.silentLooks = beats === state.beats ? state.silentLooks + 1 : 0;
      state.beats = beats;
      if (state.silentLooks < LOOKS_PER_LIMIT) continue;
      this.#watched.delete(worker);
      this.#onSilent(worker, this.#limitMs);
    }
  }
}

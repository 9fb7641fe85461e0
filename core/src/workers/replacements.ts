/** When a worker that is gone is replaced: at once when it had worked well, later each time when it had not. */

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;
/** A worker that lived so long worked well. */
const GOOD_LIFE_MS = 60_000;

export class Replacements {
  readonly #replace: (number: number) => Promise<void>;
  /** By worker: how long the next replacement waits. */
  readonly #waits = new Map<number, number>();
  /** By worker: the attempt that is to come. */
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #isStopped = false;

  constructor(replace: (number: number) => Promise<void>) {
    this.#replace = replace;
  }

  /** Returns how long it will wait. `onFailure` is told of each attempt that failed, and when the next one comes. */
  schedule(number: number, livedMs: number, onFailure: (error: unknown, nextMs: number) => void): number {
    const waitMs = livedMs >= GOOD_LIFE_MS ? 0 : (this.#waits.get(number) ?? 0);
    this.#waits.set(number, Math.min(Math.max(waitMs * 2, FIRST_WAIT_MS), MAX_WAIT_MS));
    const attempt = async (): Promise<void> => {
      if (this.#isStopped) return;
      try {
        await this.#replace(number);
      } catch (error) {
        if (this.#isStopped) return;
        const nextMs = this.#waits.get(number)!;
        this.#waits.set(number, Math.min(nextMs * 2, MAX_WAIT_MS));
        onFailure(error, nextMs);
        this.#later(number, nextMs, attempt);
      }
    };
    this.#later(number, waitMs, attempt);
    return waitMs;
  }

  #later(number: number, ms: number, attempt: () => Promise<void>): void {
    clearTimeout(this.#timers.get(number));
    const timer = setTimeout(() => {
      this.#timers.delete(number);
      void attempt();
    }, ms);
    this.#timers.set(number, timer);
  }

  /** Whether an attempt is to come. */
  isAwaited(number: number): boolean {
    return this.#timers.has(number);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/**
 * How long a peer may still keep us waiting. It must not be silent for long, nor slower than a rate over time: one byte now and then would
 * otherwise hold a connection for ever (slow POST, slow read). What it moves faster than the rate it may rest later, up to one silence.
 * No clock of its own and no timer: whoever waits asks how long, and asks again when something came.
 */

export interface PaceRules {
  /** The longest silence, and the most that can be saved up. Milliseconds. */
  readonly silenceMs: number;
  /** How far it may be behind at the beginning. Milliseconds. */
  readonly graceMs: number;
  /** Bytes; 0 = any. */
  readonly minPerSecond: number;
}

const NOT_BEGUN = -Infinity;
const NOT_WAITING = -1;

export class Pace {
  /** Moved so far, as of the last `wait`. */
  bytes = 0;
  /** Of the time that it may take, the part that is left. Milliseconds. */
  #leftMs = NOT_BEGUN;
  /** When it was looked at last while it kept us waiting. */
  #since = NOT_WAITING;

  /** For the next message. */
  reset(): void {
    this.bytes = 0;
    this.#leftMs = NOT_BEGUN;
    this.#since = NOT_WAITING;
  }

  /** We wait for it, from now on or still. @param bytes moved so far in this message. @returns for how many milliseconds; 0 or less = it was too slow. */
  wait(now: number, bytes: number, { silenceMs, graceMs, minPerSecond }: PaceRules): number {
    const moved = Math.max(0, bytes - this.bytes);
    this.bytes = bytes;
    if (this.#leftMs === NOT_BEGUN) this.#leftMs = graceMs;
    this.rest(now);
    this.#since = now;
    if (minPerSecond === 0) return silenceMs;
    // Never more than a silence may take, but for the grace.
    this.#leftMs = Math.min(this.#leftMs + (moved * 1_000) / minPerSecond, Math.max(silenceMs, graceMs));
    return Math.min(silenceMs, this.#leftMs);
  }

  /** It is not for it now. */
  rest(now: number): void {
    if (this.#since !== NOT_WAITING) this.#leftMs -= now - this.#since;
    this.#since = NOT_WAITING;
  }

  /** Whether the wait is over for the rate, and not for a silence. */
  isTooSlow(now: number, { silenceMs, minPerSecond }: PaceRules): boolean {
    const waitedMs = now - this.#since;
    return minPerSecond > 0 && waitedMs < silenceMs && this.#leftMs <= waitedMs;
  }
}

/**
 * How many repeats a pool allows: a share of its requests, plus some per second so that a quiet pool may repeat too.
 * Without a budget, retries multiply the load exactly when backends fail under load. As Finagle's RetryBudget: each request
 * puts `share` of a token in, each repeat takes a whole one, tokens go bad after about ten seconds (here: after one to two windows).
 */
const WINDOW_MS = 5_000;

export class RetryBudget {
  readonly #share: number;
  readonly #perMs: number;
  readonly #reserveLimit: number;
  #current = 0;
  #previous = 0;
  #windowEndsAt = 0;
  #reserve: number;
  #reserveAt = 0;

  /** @param share of a token per request, 0 to 1. @param perSecond tokens per second in any case. */
  constructor(share: number, perSecond: number) {
    this.#share = share;
    this.#perMs = perSecond / 1000;
    this.#reserveLimit = this.#perMs * 2 * WINDOW_MS;
    this.#reserve = this.#reserveLimit;
  }

  /** Once per exchange. `now` in monotonic milliseconds. */
  deposit(now: number): void {
    if (now >= this.#windowEndsAt) this.#roll(now);
    this.#current += this.#share;
  }

  /** Once per repeat: whether it is allowed. */
  withdraw(now: number): boolean {
    if (now >= this.#windowEndsAt) this.#roll(now);
    this.#reserve = Math.min(this.#reserve + (now - this.#reserveAt) * this.#perMs, this.#reserveLimit);
    this.#reserveAt = now;
    if (this.#previous >= 1) this.#previous--;
    else if (this.#current >= 1) this.#current--;
    else if (this.#reserve >= 1) this.#reserve--;
    else return false;
    return true;
  }

  /** Whether both were made for the same share and rate. */
  isLike(other: RetryBudget): boolean {
    return this.#share === other.#share && this.#perMs === other.#perMs;
  }

  #roll(now: number): void {
    this.#previous = now < this.#windowEndsAt + WINDOW_MS ? this.#current : 0;
    this.#current = 0;
    this.#windowEndsAt = now + WINDOW_MS;
  }
}

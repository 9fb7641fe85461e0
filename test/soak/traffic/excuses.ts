/** When what was done to the balancer and its backends explains that an exchange failed. */
import type { Excuse } from './traffic.ts';

export class Excuses {
  readonly #open = new Map<Excuse, number>();
  readonly #lastEnd = new Map<Excuse, number>();

  /** From now on, until what is returned is called. */
  begin(excuse: Excuse): () => void {
    this.#open.set(excuse, (this.#open.get(excuse) ?? 0) + 1);
    return () => {
      this.#open.set(excuse, this.#open.get(excuse)! - 1);
      this.#lastEnd.set(excuse, performance.now());
    };
  }

  /** Whether one was under way at any moment since then. */
  cover(excuse: Excuse, since: number): boolean {
    return (this.#open.get(excuse) ?? 0) > 0 || (this.#lastEnd.get(excuse) ?? -Infinity) >= since;
  }
}

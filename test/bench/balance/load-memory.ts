/**
 * What a backend says of its load to Prequal: requests in flight (RIF), and what a request takes at such a RIF, estimated as the paper does it (NSDI 2024,
 * section 4): each finished request is remembered with the RIF that it met on arrival; the answer is the median of the last ones at the present RIF, or
 * at the nearest that has any.
 */
import { median } from '../statistics.ts';

/** Remembered for each RIF. The paper says "recent": so few that two or three slow ones move the median. */
const REMEMBERED = 5;

export class LoadMemory {
  rif = 0;
  readonly #latenciesMs: number[][] = [];

  /** @returns the RIF that it met, for `leave` */
  arrive(): number {
    return this.rif++;
  }

  leave(rifMet: number, latencyMs: number): void {
    this.rif--;
    const list = (this.#latenciesMs[rifMet] ??= []);
    list.push(latencyMs);
    if (list.length > REMEMBERED) list.shift();
  }

  /** 0 as long as nothing is known: then it is asked for something soon. */
  get latencyMs(): number {
    const known = this.#latenciesMs;
    for (let distance = 0; distance <= Math.max(known.length, this.rif); distance++) {
      const list = known[this.rif - distance] ?? known[this.rif + distance];
      if (list !== undefined) return median(list);
    }
    return 0;
  }

  /** The header's value. */
  toString(): string {
    return `rif=${this.rif}, latency-ms=${this.latencyMs.toFixed(3)}`;
  }
}

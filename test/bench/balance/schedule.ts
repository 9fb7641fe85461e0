/**
 * What every balancer meets in a round: when requests arrive, how much work each is, and where the antagonists are. All of it follows from a seed, so
 * that generator and backends, which are processes of their own, need not talk about it.
 */
import { seededRandom } from '../statistics.ts';
import { ANTAGONISTS, BACKENDS, MEAN_WORK_MS, MOVE_MS, REQUESTS_PER_SECOND, SLOW_TIMES } from './setting.ts';

/** So that neighbouring seeds and numbers have nothing in common: odd numbers from the fraction of the golden ratio and from MurmurHash3's finalizer. */
const SPREAD = 0x9e3779b1;
const SPREAD_NUMBERS = 0x85ebca6b;

/** When each request is due, ms from the beginning: a Poisson process. */
export function arrivalsOf(seed: number, seconds: number): Float64Array {
  const random = seededRandom(Math.imul(seed, SPREAD));
  const due: number[] = [];
  for (let at = exponential(random(), 1e3 / REQUESTS_PER_SECOND); at < seconds * 1e3; at += exponential(random(), 1e3 / REQUESTS_PER_SECOND)) due.push(at);
  return Float64Array.from(due);
}

/** The work of a request, ms on a backend without antagonist, whichever backend gets it. */
export function workOf(seed: number, request: number): number {
  return exponential(seededRandom(Math.imul(seed, SPREAD) ^ Math.imul(request + 1, SPREAD_NUMBERS))(), MEAN_WORK_MS);
}

function exponential(uniform: number, mean: number): number {
  return -mean * Math.log(1 - uniform);
}

/** Where the antagonists are, when. Before the beginning: as at it. */
export class Antagonists {
  readonly #random: () => number;
  /** The slow backends from `i * MOVE_MS` on. Grows as far as somebody looks. */
  readonly #eras: number[][] = [];

  constructor(seed: number) {
    this.#random = seededRandom(Math.imul(seed, SPREAD) ^ 1);
  }

  isSlow(backend: number, atMs: number): boolean {
    return this.#era(Math.max(0, Math.floor(atMs / MOVE_MS))).includes(backend);
  }

  /** When a backend is through with so much work that it begins at `atMs`; an antagonist that comes or goes meanwhile slows it from then on, or no more. */
  finishOf(backend: number, atMs: number, workMs: number): number {
    let at = atMs;
    let left = workMs;
    for (;;) {
      const times = this.isSlow(backend, at) ? SLOW_TIMES : 1;
      const eraEnd = (Math.max(0, Math.floor(at / MOVE_MS)) + 1) * MOVE_MS;
      if (at + left * times <= eraEnd) return at + left * times;
      left -= (eraEnd - at) / times;
      at = eraEnd;
    }
  }

  #era(index: number): readonly number[] {
    const eras = this.#eras;
    while (eras.length <= index) {
      const before = eras.at(-1) ?? [];
      const now = [...before];
      // All of them at the beginning, then one after the other; never to where it is, nor to where another is.
      for (let mover = before.length === 0 ? 0 : eras.length % ANTAGONISTS, count = before.length === 0 ? ANTAGONISTS : 1; count > 0; mover++, count--) {
        do now[mover] = Math.floor(this.#random() * BACKENDS); while (before.includes(now[mover]!) || now.indexOf(now[mover]!) !== now.lastIndexOf(now[mover]!));
      }
      eras.push(now);
    }
    return eras[index]!;
  }
}

/**
 * The answers to probes that a balancer has in hand, and how it picks by them: the pool and the hot-cold lexicographic rule of Prequal.
 *
 * B. Wydrowski, R. Kleinberg, S. M. Rumble, A. Archer, "Load is not what you should balance: Introducing Prequal", NSDI 2024 (arXiv:2312.10172).
 */

import type { Backend, PoolView } from '@steelyard/sdk';

/** What a backend said of itself. */
export interface LoadAnswer {
  /** Requests in flight there, from all its clients. */
  rif: number;
  /** What a request takes at such a load, milliseconds. */
  latencyMs: number;
}

export interface PoolRules {
  /** Answers in hand, at most. */
  readonly size: number;
  /** An answer that is older is thrown away. Milliseconds. */
  readonly maxAgeMs: number;
  /** Backends whose RIF is above this quantile of what was answered lately are hot. 0 to 1. */
  readonly hotQuantile: number;
}

/** RIFs that the quantile is taken over. */
const RECENT = 128;

export class ProbePool {
  readonly #rules: PoolRules;
  // One place for each answer; a pick allocates nothing.
  readonly #backend: (Backend | undefined)[];
  readonly #rif: Float64Array;
  readonly #latencyMs: Float64Array;
  readonly #at: Float64Array;
  readonly #uses: Int32Array;
  #length = 0;
  /** RIFs as they came, in a ring, and the same sorted, for the quantile. */
  readonly #recent = new Float64Array(RECENT);
  #recentCount = 0;
  readonly #sorted = new Float64Array(RECENT);
  #removesWorst = false;

  constructor(rules: PoolRules) {
    this.#rules = rules;
    this.#backend = Array.from({ length: rules.size }, () => undefined);
    this.#rif = new Float64Array(rules.size);
    this.#latencyMs = new Float64Array(rules.size);
    this.#at = new Float64Array(rules.size);
    this.#uses = new Int32Array(rules.size);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Takes the place of what the backend answered before, if that is in hand still: the paper's 1 - m/n is the chance that a probe adds one. With two of
   * one backend the older would be picked, for a load that was, whenever it is the better one.
   * @param uses how many picks it may serve
   */
  add(backend: Backend, { rif, latencyMs }: LoadAnswer, now: number, uses: number): void {
    const before = this.#backend.indexOf(backend);
    if (before >= 0) this.remove(before);
    this.#put(backend, rif, latencyMs, now, uses);
    this.#remember(rif);
  }

  /** For such rules: itself where they are its own, so that whoever holds it goes on adding to it; else one with what it has in hand. */
  under(rules: PoolRules): ProbePool {
    const { size, maxAgeMs, hotQuantile } = this.#rules;
    if (rules.size === size && rules.maxAgeMs === maxAgeMs && rules.hotQuantile === hotQuantile) return this;
    const pool = new ProbePool(rules);
    for (let i = Math.max(0, this.#recentCount - RECENT); i < this.#recentCount; i++) pool.#remember(this.#recent[i % RECENT]!);
    // The oldest first: they go where there are fewer places.
    const places = Array.from({ length: this.#length }, (_, place) => place).sort((one, two) => this.#at[one]! - this.#at[two]!);
    for (const place of places) pool.#put(this.#backend[place]!, this.#rif[place]!, this.#latencyMs[place]!, this.#at[place]!, this.#uses[place]!);
    return pool;
  }

  has(backend: Backend): boolean {
    return this.#backend.includes(backend);
  }

  /** Answers of others are thrown away. */
  keep(backends: ReadonlySet<Backend>): void {
    for (let place = this.#length - 1; place >= 0; place--) if (!backends.has(this.#backend[place]!)) this.remove(place);
  }

  /** Old ones out. */
  expire(now: number): void {
    for (let place = this.#length - 1; place >= 0; place--) if (now - this.#at[place]! > this.#rules.maxAgeMs) this.remove(place);
  }

  /** The RIF above which a backend is hot. */
  get threshold(): number {
    const count = Math.min(this.#recentCount, RECENT);
    return count === 0 ? Infinity : this.#sorted[Math.max(0, Math.ceil(this.#rules.hotQuantile * count) - 1)]!;
  }

  /** The place of the best answer of an available backend, -1 = none: of the cold ones the one of least latency; where all are hot, the one of least RIF. */
  best(pool: PoolView): number {
    const threshold = this.threshold;
    let best = -1;
    let isBestCold = false;
    for (let place = 0; place < this.#length; place++) {
      if (!pool.isAvailable(this.#backend[place]!)) continue;
      const isCold = this.#rif[place]! <= threshold;
      if (best >= 0) {
        if (isBestCold && !isCold) continue;
        const isBetter = isCold && !isBestCold ? true : isCold ? this.#latencyMs[place]! < this.#latencyMs[best]! : this.#rif[place]! < this.#rif[best]!;
        if (!isBetter) continue;
      }
      best = place;
      isBestCold = isCold;
    }
    return best;
  }

  /** Uses an answer: the backend has one request more from here on. Returns the backend. */
  use(place: number): Backend {
    const backend = this.#backend[place]!;
    this.#rif[place]!++;
    if (--this.#uses[place]! <= 0) this.remove(place);
    return backend;
  }

  /** Takes one out of it, the oldest and the worst in turn: what is left over would be picked last, and become older and older. */
  degrade(): void {
    if (this.#length === 0) return;
    this.remove(this.#removesWorst ? this.#worst() : this.#oldest());
    this.#removesWorst = !this.#removesWorst;
  }

  remove(place: number): void {
    const last = --this.#length;
    this.#backend[place] = this.#backend[last];
    this.#backend[last] = undefined;
    this.#rif[place] = this.#rif[last]!;
    this.#latencyMs[place] = this.#latencyMs[last]!;
    this.#at[place] = this.#at[last]!;
    this.#uses[place] = this.#uses[last]!;
  }

  #put(backend: Backend, rif: number, latencyMs: number, at: number, uses: number): void {
    if (this.#length === this.#rules.size) this.remove(this.#oldest());
    const place = this.#length++;
    this.#backend[place] = backend;
    this.#rif[place] = rif;
    this.#latencyMs[place] = latencyMs;
    this.#at[place] = at;
    this.#uses[place] = uses;
  }

  /** The newest in, the oldest of a full ring out, and the sorted copy kept sorted. */
  #remember(rif: number): void {
    const sorted = this.#sorted;
    const at = this.#recentCount % RECENT;
    let count = Math.min(this.#recentCount, RECENT);
    if (count === RECENT) {
      const out = sorted.indexOf(this.#recent[at]!);
      sorted.copyWithin(out, out + 1);
      count--;
    }
    let place = count;
    while (place > 0 && sorted[place - 1]! > rif) {
      sorted[place] = sorted[place - 1]!;
      place--;
    }
    sorted[place] = rif;
    this.#recent[at] = rif;
    this.#recentCount++;
  }

  #oldest(): number {
    let oldest = 0;
    for (let place = 1; place < this.#length; place++) if (this.#at[place]! < this.#at[oldest]!) oldest = place;
    return oldest;
  }

  /** If any is hot the one of greatest RIF, else the one of greatest latency. */
  #worst(): number {
    const threshold = this.threshold;
    let hottest = -1;
    let slowest = 0;
    for (let place = 0; place < this.#length; place++) {
      if (this.#rif[place]! > threshold && (hottest < 0 || this.#rif[place]! > this.#rif[hottest]!)) hottest = place;
      if (this.#latencyMs[place]! > this.#latencyMs[slowest]!) slowest = place;
    }
    return hottest < 0 ? slowest : hottest;
  }
}

/**
 * How many picks an answer may serve: the fewer probes there are for the backends, the more often. The paper's
 * max(1, (1 + delta) / ((1 - m/n) r_probe - r_remove)), for m places and n backends; `Infinity` where the pool holds them all. Rounded at random, so that the mean is right.
 * @param chance uniform in [0, 1)
 */
export function usesPerAnswer(places: number, backends: number, probesPerRequest: number, removals: number, delta: number, chance: number): number {
  const supply = (1 - Math.min(places, backends) / Math.max(1, backends)) * probesPerRequest - removals;
  if (supply <= 0) return MOST_USES;
  const uses = Math.max(1, (1 + delta) / supply);
  return Math.min(MOST_USES, Math.floor(uses) + (chance < uses % 1 ? 1 : 0));
}
/** Behind these an answer is worth nothing, however young. */
const MOST_USES = 16;

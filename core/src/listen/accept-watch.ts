/** What the listeners of one thread have in common when they do not accept: who waits, when they look again, and what concerns them all. */
import type { AddressCounts } from '../board/address-counts.ts';
import type { Scoreboard } from '../board/scoreboard.ts';
import { DESCRIPTORS, LOOP_DELAY } from '../limits.ts';
import type { LimitCounters, TrafficMetrics } from '../metrics/traffic.ts';
import type { Deadlines } from '../sockets/deadlines.ts';
import type { Admission } from './admission.ts';
import { lastDescriptors } from './descriptors.ts';

/** Between two looks whether there is room again. What this thread frees is seen at once; this is for what others free. */
const LOOK_AGAIN_MS = 20;
/** Without descriptors: whoever holds them needs a while, and each look costs the one that is accepted its connection. */
const EXHAUSTED_MS = 100;

/** What the threads of a balancer share for counting connections. */
export interface SharedCounts {
  readonly board: Scoreboard;
  readonly addresses: AddressCounts;
  /** How many threads accept. */
  readonly shares: number;
}

export class AcceptWatch implements SharedCounts {
  readonly board: Scoreboard;
  readonly addresses: AddressCounts;
  readonly shares: number;
  /** A connection with this descriptor is not served. */
  readonly lastDescriptor = lastDescriptors();
  readonly #metrics: TrafficMetrics;
  #total: LimitCounters | undefined;
  readonly #deadlines: Deadlines;
  readonly #open = new Set<Admission>();
  readonly #paused = new Set<Admission>();
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #maxLoopDelayMs = Infinity;
  #exhaustedUntil = 0;

  constructor({ board, addresses, shares }: SharedCounts, metrics: TrafficMetrics, deadlines: Deadlines) {
    this.board = board;
    this.addresses = addresses;
    this.shares = shares;
    this.#metrics = metrics;
    this.#deadlines = deadlines;
    deadlines.onLate = (lateMs) => this.#late(lateMs);
  }

  /** Of all listeners together. A worker is told its row with the first config. */
  get total(): LimitCounters {
    return (this.#total ??= this.#metrics.limitCounters());
  }

  /** From the config that serves now. */
  configure(limits: { readonly maxConnections: number; readonly maxLoopDelayMs: number }): void {
    this.board.setLimit(this.total.row, limits.maxConnections);
    this.#maxLoopDelayMs = limits.maxLoopDelayMs;
  }

  /** It accepts, from now on. */
  opened(admission: Admission): void {
    this.#open.add(admission);
  }
  closed(admission: Admission): void {
    this.#open.delete(admission);
    this.resumed(admission);
  }

  /** It has a reason not to accept, and is asked again until it has none. */
  paused(admission: Admission): void {
    this.#paused.add(admission);
    if (this.#timer) return;
    this.#lookedAt = performance.now();
    // It keeps the process alive: a listener that is paused does not.
    this.#timer = setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
  }
  resumed(admission: Admission): void {
    this.#paused.delete(admission);
    if (this.#paused.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** There are no descriptors left, or hardly any. */
  exhausted(): void {
    this.#exhaustedUntil = this.#deadlines.readClock() + EXHAUSTED_MS;
    for (const admission of this.#open) admission.pauseFor(DESCRIPTORS, 'the process has hardly any file descriptor left (raise `ulimit -n`, or lower maxConnections)');
  }
  get isExhausted(): boolean {
    return this.#deadlines.now < this.#exhaustedUntil;
  }

  #late(lateMs: number): void {
    if (lateMs <= this.#maxLoopDelayMs) return;
    const why = `the event loop came ${Math.round(lateMs)} ms late (maxLoopDelayMs is ${this.#maxLoopDelayMs})`;
    for (const admission of this.#open) admission.pauseFor(LOOP_DELAY, why);
  }

  #lookAgain(): void {
    const now = this.#deadlines.readClock();
    const lateMs = now - this.#lookedAt - LOOK_AGAIN_MS;
    this.#lookedAt = now;
    // Half of it: else it would flutter about the limit.
    const isInTime = lateMs <= this.#maxLoopDelayMs / 2;
    for (const admission of this.#paused) admission.lookAgain(isInTime);
  }
}

/** One passive detector of one backend: failures in a row of real traffic, and the mark they lead to. */
import type { Ejection, Outcome } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import type { ActiveWatch } from './active.ts';

/** A passive check as main has it: what follows when real traffic fails. */
export interface EjectingCheck {
  /** As `ActiveCheck.source`. */
  readonly source: string;
  readonly ejection: Ejection;
}

/** A mark follows soon, and so lasts twice as long, when it begins within this many lengths of the last one after that one's end. */
const SOON_LENGTHS = 2;

export class PassiveWatch {
  readonly backend: BackendState;
  check: EjectingCheck;
  /** The cell of the scoreboard where failures in a row are counted. */
  readonly bit: number;
  hasSeenResult = false;
  /** 0 = not ejected. */
  ejectedUntil = 0;
  /** Of the last ejection, or of its end. */
  reason = '';
  /** Time when real traffic last failed often enough to be told, or of the last flip; -1 = none. */
  at = -1;
  cancelEnd: () => void = () => {};

  /** Planned length of the last mark; 0 = there was none. */
  #lengthMs = 0;
  #endedAt = -Infinity;
  #isRepeated = false;

  constructor(backend: BackendState, check: EjectingCheck) {
    this.backend = backend;
    this.check = check;
    this.bit = backend.sourceBit(check.source);
  }

  /** In a row, over all threads. */
  get failures(): number {
    return this.backend.failures(this.bit);
  }
  get isEjected(): boolean {
    return this.ejectedUntil !== 0;
  }

  /** Begins a mark and returns its length: doubled, up to `maxEjectMs`, when it follows soon after the last one. */
  begin(now: number): number {
    const { ejectMs, maxEjectMs } = this.check.ejection;
    this.#isRepeated = this.#lengthMs > 0 && now - this.#endedAt <= SOON_LENGTHS * this.#lengthMs;
    this.#lengthMs = Math.min(this.#isRepeated ? this.#lengthMs * 2 : ejectMs, Math.max(ejectMs, maxEjectMs));
    this.ejectedUntil = now + this.#lengthMs;
    this.at = now;
    return this.#lengthMs;
  }

  end(now: number): void {
    this.ejectedUntil = 0;
    this.#endedAt = now;
    this.at = now;
    this.cancelEnd();
    this.countAnew();
  }

  countAnew(): void {
    this.backend.clearFailures(this.bit);
  }

  /** The marks so far said nothing about this backend alone: the next one is a first one. */
  forgetLengths(): void {
    this.#lengthMs = 0;
  }

  /**
   * Why the mark may end now; `undefined` = not yet.
   * - Its time is over, and the last result of every active check is good: nobody comes back into a fault that is being seen.
   * - Or, before that, each active check was good `rise` times in a row since the ejection. Only the first mark of a series ends so: if real
   *   traffic failed again soon after, the checks do not see what the traffic sees, and ending early would let the backend flap.
   */
  reasonToEnd(active: readonly ActiveWatch[], now: number): string | undefined {
    if (now >= this.ejectedUntil) return active.every((watch) => watch.streak.good !== false) ? `the ejection of ${this.#lengthMs} ms is over` : undefined;
    if (this.#isRepeated || active.length === 0) return undefined;
    return active.every((watch) => watch.goodSinceEjection >= watch.check.schedule.rise) ? 'good active checks since the ejection' : undefined;
  }
}

/** What the last failure was, for the reason of a mark. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answered':
      return outcome.status === 0 ? 'a connection that ended in order' : `answered ${outcome.status}`;
    case 'failed':
      return `${outcome.code} (${outcome.phase})`;
    case 'aborted':
      return `aborted by the ${outcome.by}`;
    default:
      return outcome satisfies never;
  }
}

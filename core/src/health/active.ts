/** One active check of one backend: its place in the schedule, its time limit, its streak. Never two probes at once. */
import { describeError, SteelyardError, type Backend, type CheckSchedule } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import type { MonitorClock } from './clock.ts';
import { advance, IN_USE, UNDECIDED, type Streak } from './streak.ts';

export interface ActiveCheck {
  /** `http-check`; a second one of the same name in the pool is `http-check#2`. Unique among all checks of the pool, passive ones too. */
  readonly source: string;
  readonly schedule: CheckSchedule;
  probe(backend: Backend, signal: AbortSignal): Promise<void>;
}

interface Attempt {
  readonly startedAt: number;
  readonly aborter: AbortController;
  readonly cancelLimit: () => void;
}

/** Called after each result, when streak and reason are up to date. */
export type ResultListener = (watch: ActiveWatch, before: Streak, startedAt: number) => void;

export class ActiveWatch {
  readonly backend: BackendState;
  check: ActiveCheck;
  streak: Streak;
  /** Why the last result was a failure; '' after a good one. */
  reason = '';
  /** Time of the last result; -1 = none yet. */
  at = -1;
  /** Good results in a row of probes that began after the backend's last passive ejection. */
  goodSinceEjection = 0;

  readonly #clock: MonitorClock;
  readonly #onResult: ResultListener;
  readonly #onFault: (source: string, error: unknown) => void;
  #dueAt = 0;
  #attempt: Attempt | undefined;
  #cancelNext: () => void = NOTHING;

  constructor(backend: BackendState, check: ActiveCheck, clock: MonitorClock, onResult: ResultListener, onFault: (source: string, error: unknown) => void) {
    this.backend = backend;
    this.check = check;
    this.streak = backend.health === 'up' ? IN_USE : UNDECIDED;
    this.#clock = clock;
    this.#onResult = onResult;
    this.#onFault = onFault;
  }

  /** Probes now. The next probe is due one interval, with its jitter, after this start. */
  run(): void {
    this.#dueAt = this.#clock.now() + this.#interval();
    this.#probe();
  }

  /**
   * The same check after a reload. Streak and last result stay; so does the next due time, unless the interval changed. A probe under
   * way belongs to the old generation, whose end may fail it: it is dropped and asked again at once by the new functions.
   */
  replace(check: ActiveCheck): void {
    const old = this.check;
    if (old === check) return;
    this.check = check;
    const { intervalMs, jitter } = check.schedule;
    if (intervalMs !== old.schedule.intervalMs || jitter !== old.schedule.jitter) this.#dueAt = this.#clock.now() + this.#interval();
    if (this.#attempt !== undefined) {
      this.#drop('the check was replaced by a reload');
      this.#probe();
    } else {
      this.#scheduleNext();
    }
  }

  /** No probe and no timer is left. */
  stop(): void {
    this.#cancelNext();
    this.#drop('the check was stopped');
  }

  #probe(): void {
    const { backend, check } = this;
    this.#cancelNext();
    const { timeoutMs } = check.schedule;
    const aborter = new AbortController();
    const attempt: Attempt = {
      startedAt: this.#clock.now(),
      aborter,
      // The result is in before the probe hears of it: a probe that ignores its signal fails all the same, and what it says later is dropped.
      cancelLimit: this.#clock.after(timeoutMs, () => {
        const late = new SteelyardError('ERR_PROBE', { message: `no answer within ${timeoutMs} ms`, source: 'upstream' });
        this.#settle(attempt, false, late);
        aborter.abort(late);
      }),
    };
    this.#attempt = attempt;
    let ended: Promise<void>;
    try {
      ended = Promise.resolve(check.probe(backend, aborter.signal));
    } catch (error) {
      // A check that throws instead of rejecting is written wrongly; whether the backend works is still not proven.
      this.#onFault(check.source, error);
      ended = Promise.reject(error);
    }
    ended.then(
      () => this.#settle(attempt, true, undefined),
      (error: unknown) => this.#settle(attempt, false, error),
    );
  }

  #settle(attempt: Attempt, good: boolean, error: unknown): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    attempt.cancelLimit();
    const before = this.streak;
    this.streak = advance(before, good, this.check.schedule);
    this.reason = good ? '' : reasonOf(error);
    this.at = this.#clock.now();
    this.#scheduleNext();
    this.#onResult(this, before, attempt.startedAt);
  }

  /** At its due time; at once when the last probe took longer than an interval. */
  #scheduleNext(): void {
    this.#cancelNext();
    this.#cancelNext = this.#clock.after(Math.max(0, this.#dueAt - this.#clock.now()), () => this.run());
  }

  #drop(reason: string): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    attempt.cancelLimit();
    attempt.aborter.abort(new SteelyardError('ERR_PROBE', { message: reason }));
  }

  /** Each interval is moved by up to ± its jitter, uniformly: checks that began together drift apart. */
  #interval(): number {
    const { intervalMs, jitter } = this.check.schedule;
    return intervalMs * (1 + jitter * (2 * this.#clock.random() - 1));
  }
}

const NOTHING = (): void => {};
/** A reason goes into logs and metrics: one line of bounded length. */
const MAX_REASON_CHARACTERS = 300;

function reasonOf(error: unknown): string {
  return describeError(error).replace(/\s+/g, ' ').slice(0, MAX_REASON_CHARACTERS);
}

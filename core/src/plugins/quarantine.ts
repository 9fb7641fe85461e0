/**
 * Whether a tap is called. A tap that keeps failing is left alone for a while; then one trial call at a time shows whether it recovered.
 * Each tap has its own record: a plugin whose `onResponse` is broken still gets its `onRequest`, and one good hook does not hide a bad one.
 */
import type { PluginRuntime } from './runtime.ts';

/** The only thing a healthy tap's call looks at: `tap.state !== HEALTHY`. No clock is read, nothing is counted. */
export const HEALTHY = 0;
const SUSPECTED = 1;
const SHUT = 2;

/** What `admit` says about one call; given back with the call's end, for calls may overlap and only the trial's own end counts as its result. */
export const REFUSED = 0;
export const NORMAL = 1;
export const TRIAL = 2;
export type Ticket = typeof REFUSED | typeof NORMAL | typeof TRIAL;

/** Failures in a row. Ten are no accident of one odd request, and at 100 requests per second they are over in a tenth of a second. */
export const FAILURES_IN_A_ROW = 10;
/** A tap that fails now and then, but half of the time or more, within a window that its first failure opens. */
export const FAILING_SHARE = 0.5;
/** Below so many calls a share says nothing: of 3 calls, 2 fail by chance. */
export const SHARE_MIN_CALLS = 20;
export const SHARE_WINDOW_MS = 10_000;
/** So many good calls in a row end the suspicion, and with it all counting. A tap that fails half of its calls gets there once in a million times (2^-20). */
const CLEARED_BY = 20;
/** Long enough that a plugin failing at each call costs nothing, short enough that nobody misses it after a hiccup. */
export const FIRST_WAIT_MS = 1_000;
/** A plugin that was broken for an hour is tried again within a minute of its repair. */
export const LONGEST_WAIT_MS = 60_000;

export class Quarantine {
  state: typeof HEALTHY | typeof SUSPECTED | typeof SHUT = HEALTHY;
  readonly plugin: PluginRuntime;
  readonly hook: string;
  #failuresInARow = 0;
  #goodInARow = 0;
  #windowCalls = 0;
  #windowFailures = 0;
  #windowStart = 0;
  #waitMs = 0;
  #shutUntil = 0;
  #isOnTrial = false;

  constructor(plugin: PluginRuntime, hook: string) {
    this.plugin = plugin;
    this.hook = hook;
  }

  /** Asked before a call when the state is not HEALTHY. */
  admit(): Ticket {
    if (this.state !== SHUT) return NORMAL;
    if (this.#isOnTrial || this.plugin.clock.now() < this.#shutUntil) return REFUSED;
    this.#isOnTrial = true;
    return TRIAL;
  }

  /** Told after a good call when the state is not HEALTHY. */
  succeeded(ticket: Ticket): void {
    if (this.state === SHUT) {
      if (ticket === TRIAL) this.#leave();
      return;
    }
    this.#failuresInARow = 0;
    this.#windowCalls++;
    if (++this.#goodInARow >= CLEARED_BY) this.state = HEALTHY;
  }

  /** Told after every failure: logs it, counts it, and may shut the tap out. */
  failed(ticket: Ticket, thrown: unknown): void {
    this.plugin.report(this.hook, thrown);
    // An older call that ends while the tap is shut says nothing new.
    if (this.state === SHUT && ticket !== TRIAL) return;
    const now = this.plugin.clock.now();
    if (ticket === TRIAL) return this.#shut(now, Math.min(this.#waitMs * 2, LONGEST_WAIT_MS));
    if (this.state === HEALTHY || now - this.#windowStart > SHARE_WINDOW_MS) {
      this.#windowStart = now;
      this.#windowCalls = 0;
      this.#windowFailures = 0;
    }
    if (this.state === HEALTHY) this.#failuresInARow = 0;
    this.state = SUSPECTED;
    this.#goodInARow = 0;
    this.#windowCalls++;
    this.#windowFailures++;
    const isOften = this.#windowCalls >= SHARE_MIN_CALLS && this.#windowFailures >= FAILING_SHARE * this.#windowCalls;
    if (++this.#failuresInARow >= FAILURES_IN_A_ROW || isOften) this.#shut(now, FIRST_WAIT_MS);
  }

  #shut(now: number, waitMs: number): void {
    const isNew = this.state !== SHUT;
    this.state = SHUT;
    this.#isOnTrial = false;
    this.#waitMs = waitMs;
    this.#shutUntil = now + waitMs;
    this.plugin.tapShut(this.hook, waitMs, isNew);
  }

  #leave(): void {
    this.state = HEALTHY;
    this.#isOnTrial = false;
    this.plugin.tapOpened(this.hook);
  }
}

/**
 * What real traffic says of the backends, where the traffic is: asks the passive checks of each lease that ended, counts failures in a row
 * in the scoreboard, and tells main when there are enough of them. Main alone marks.
 */
import type { Backend, Outcome } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import { describeOutcome } from './ejection.ts';

export interface PassiveCheck {
  /** As `ActiveCheck.source`. */
  readonly source: string;
  /** In a row, before main is told. */
  readonly failures: number;
  observe(backend: Backend, outcome: Outcome): boolean | undefined;
}

/** Where what was observed goes to. */
export interface PassiveVoice {
  /** As many failures in a row as the check allows, or more. `last` says what the last one was. */
  failing(backend: BackendState, source: string, failures: number, last: string): void;
  /** The first success since the check is there. */
  served(backend: BackendState, source: string): void;
  /** A check threw. */
  fault(source: string, error: unknown): void;
}

export interface ObservedPool {
  readonly hasActive: boolean;
  readonly checks: readonly PassiveCheck[];
  /** `bits`: the cells of the scoreboard that count for each of `checks`. */
  readonly members: readonly { readonly backend: BackendState; readonly bits: readonly number[] }[];
}

interface Observed {
  readonly backend: BackendState;
  readonly checks: readonly PassiveCheck[];
  readonly bits: readonly number[];
  /** By check: whether a success was told. */
  readonly hasServed: boolean[];
}

export class PassiveObserver {
  /** Milliseconds of main's clock: what a mark's end is told by. */
  readonly #now: () => number;
  readonly #voice: PassiveVoice;
  /** By row of the scoreboard. */
  #observed: (Observed | undefined)[] = [];

  constructor(now: () => number, voice: PassiveVoice) {
    this.#now = now;
    this.#voice = voice;
  }

  /** From now on these, and no others. */
  watch(pools: readonly ObservedPool[]): void {
    const before = this.#observed;
    this.#observed = [];
    for (const { checks, members } of pools) {
      for (const { backend, bits } of members) {
        const known = before[backend.row];
        const hasServed = checks.map(({ source }) => known?.backend === backend && known.hasServed[known.checks.findIndex((check) => check.source === source)] === true);
        this.#observed[backend.row] = { backend, checks, bits, hasServed };
      }
    }
  }

  /** Once per lease. Without a failure it neither allocates nor asks the clock. */
  observe(backend: BackendState, outcome: Outcome): void {
    // Somebody else ended it: says nothing about the backend, whatever a detector makes of it.
    if (outcome.kind === 'aborted') return;
    const observed = this.#observed[backend.row];
    if (observed === undefined || observed.backend !== backend) return;
    const { checks } = observed;
    for (let index = 0; index < checks.length; index++) this.#hear(observed, index, outcome);
  }

  #hear(observed: Observed, index: number, outcome: Outcome): void {
    const { backend } = observed;
    const check = observed.checks[index]!;
    let isGood: boolean | undefined;
    try {
      isGood = check.observe(backend, outcome);
    } catch (error) {
      this.#voice.fault(check.source, error);
      return;
    }
    if (isGood === true) {
      backend.clearFailures(observed.bits[index]!);
      if (observed.hasServed[index] === true) return;
      observed.hasServed[index] = true;
      this.#voice.served(backend, check.source);
    } else if (isGood === false) {
      this.#countFailure(observed, index, outcome);
    }
  }

  #countFailure({ backend, checks, bits }: Observed, index: number, outcome: Outcome): void {
    // While it is down, and for leases from before it came back, a failure is a left-over of what the mark already tells.
    if (backend.health === 'down' || this.#now() - outcome.durationMs < backend.upSince) return;
    const { source, failures: allowed } = checks[index]!;
    const failures = backend.addFailure(bits[index]!);
    if (failures >= allowed) this.#voice.failing(backend, source, failures, describeOutcome(outcome));
  }
}

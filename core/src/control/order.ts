/** What the control plane tells a data plane of a generation beside its config: plain data, which crosses threads as it is. */
import type { ResolvedBackend } from '../config/resolved.ts';

export interface MemberOrder {
  readonly spec: ResolvedBackend;
  /** Of the scoreboard, the same in every thread. */
  readonly row: number;
  /** Where failures of real traffic are counted, for each of the pool's `passive` in its order. */
  readonly bits: readonly number[];
}

export interface PassiveOrder {
  readonly source: string;
  /** Index in the pool's list of health checks. */
  readonly place: number;
  /** Failures in a row that main wants to hear of. */
  readonly failures: number;
}

export interface PoolOrder {
  /** Without an active check nothing would ever end `unknown` but traffic. */
  readonly hasActive: boolean;
  readonly passive: readonly PassiveOrder[];
  members: readonly MemberOrder[];
}

export interface GenerationOrder {
  readonly number: number;
  readonly pools: ReadonlyMap<string, PoolOrder>;
}

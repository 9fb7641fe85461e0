/** What the monitor keeps of each backend and each pool, beside the marks, which are the backend's own. */
import type { BackendState } from '../upstream/backend.ts';
import type { ActiveWatch } from './active.ts';
import type { PassiveWatch } from './ejection.ts';

export interface Watched {
  readonly backend: BackendState;
  pool: WatchedPool;
  active: readonly ActiveWatch[];
  passive: readonly PassiveWatch[];
  /** When the last passive mark began. */
  ejectedAt: number;
}

export interface WatchedPool {
  readonly members: readonly BackendState[];
  readonly hasActive: boolean;
  /** By passive source: until when it ejects nobody in this pool. Outlives reloads. */
  readonly truceUntil: Map<string, number>;
}

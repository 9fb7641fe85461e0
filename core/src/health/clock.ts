/** Time and chance of the health monitor: injected, so that its tests are exact. */
export interface MonitorClock {
  /** Monotonic milliseconds: the clock that leases are timed by. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `fn` once, `ms` from now; never before `after` has returned. The returned function takes it back. */
  after(ms: number, fn: () => void): () => void;
}

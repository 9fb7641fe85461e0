/**
 * Health as a whole: which checks run on which backend, what their results lead to. Lives as long as the balancer; generations come and go,
 * and each membership change or reload hands `watch` the list as it should be. Runs in the main thread, which alone flips.
 */
import type { BackendState } from '../upstream/backend.ts';
import { ActiveWatch, type ActiveCheck } from './active.ts';
import type { MonitorClock } from './clock.ts';
import { type EjectingCheck, PassiveWatch } from './ejection.ts';
import { Ejector } from './ejector.ts';
import type { Streak } from './streak.ts';
import type { Watched, WatchedPool } from './watched.ts';

export type { ActiveCheck } from './active.ts';
export type { MonitorClock } from './clock.ts';
export type { EjectingCheck } from './ejection.ts';

export interface MonitoredPool {
  readonly name: string;
  readonly members: readonly BackendState[];
  /** The same objects again at each call, until a reload makes new ones: a new object restarts a probe that is under way. */
  readonly active: readonly ActiveCheck[];
  readonly passive: readonly EjectingCheck[];
}

/** One check of one backend, for metrics and the admin. */
export interface CheckState {
  readonly backend: string;
  readonly source: string;
  /** The verdict of this source alone; `undefined` = no result yet. */
  readonly passing: boolean | undefined;
  /** Results in a row: good ones count up from 0, failed ones down. Of a passive check only the failures are counted. */
  readonly streak: number;
  /** Active: why the last result was a failure, '' after a good one. Passive: of the last ejection or its end. */
  readonly reason: string;
  /** Active: time of the last result. Passive: of the last failure, ejection or end of one. -1 = there was none. */
  readonly at: number;
  /** End of a passive mark; 0 = there is none. */
  readonly ejectedUntil: number;
}

export class HealthMonitor {
  readonly #clock: MonitorClock;
  readonly #onFault: (source: string, error: unknown) => void;
  readonly #ejector: Ejector;
  #watched = new Map<BackendState, Watched>();
  #pools = new Map<string, WatchedPool>();
  readonly #waiting = new Set<{ left: Set<ActiveWatch>; done: () => void }>();
  #isStopped = false;

  /** @param onFault a check that threw where it must not, or a listener of a flip that did. Must not throw. */
  constructor(clock: MonitorClock, onFault: (source: string, error: unknown) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
    this.#ejector = new Ejector(clock, (source, change) => this.#flip(source, change), (backend) => this.#watched.get(backend));
  }

  /**
   * Makes the schedule equal to this list. A (backend, source) that stays keeps its streak, its last result, its ejection and its place in the
   * schedule, and only gets the new functions. What left stops; its source is forgotten where the backend itself stays. Call it before a
   * backend that left is released: afterwards its row may be another's.
   * @throws RangeError when a pool names a source twice: each would clear the other's marks. Nothing was changed then.
   */
  watch(pools: readonly MonitoredPool[]): void {
    if (this.#isStopped) return;
    for (const pool of pools) refuseTwins(pool);
    const before = this.#watched;
    const poolsBefore = this.#pools;
    this.#watched = new Map();
    this.#pools = new Map();
    const fresh: ActiveWatch[] = [];
    for (const pool of pools) {
      const record: WatchedPool = { members: pool.members, hasActive: pool.active.length > 0, truceUntil: poolsBefore.get(pool.name)?.truceUntil ?? new Map<string, number>() };
      this.#pools.set(pool.name, record);
      for (const backend of pool.members) {
        // It may come back from an old generation's hands: what checks of that time said of it nobody would ever take back.
        if (!before.has(backend)) this.#forgetStrangers(backend, pool);
        const watched = before.get(backend) ?? { backend, pool: record, active: [], passive: [], ejectedAt: -Infinity };
        watched.pool = record;
        this.#watched.set(backend, watched);
        this.#replaceActive(watched, pool.active, fresh);
        this.#replacePassive(watched, pool.passive);
      }
    }
    for (const [backend, watched] of before) if (!this.#watched.has(backend)) this.#dismiss(watched);
    // Probes begin when the diff is complete: what they call finds a consistent monitor.
    for (const watch of fresh) watch.run();
    // An active check that left may have been the one that others waited for.
    for (const watched of this.#watched.values()) {
      this.#admitUnknown(watched);
      this.#ejector.endDue(watched);
    }
  }

  #forgetStrangers(backend: BackendState, { active, passive }: MonitoredPool): void {
    const sources = new Set([...active, ...passive].map(({ source }) => source));
    for (const { source } of backend.marks) {
      if (!sources.has(source)) this.#flip(source, () => backend.forgetSource(source, 'its check left the config'));
    }
  }

  /** Settles when every active check of every backend known now has its first result, has left, or `limitMs` are over. */
  firstResults(limitMs: number): Promise<void> {
    const left = new Set<ActiveWatch>();
    for (const { active } of this.#watched.values()) for (const watch of active) if (watch.at === -1) left.add(watch);
    if (left.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const wait = {
        left,
        done: (): void => {
          cancelLimit();
          this.#waiting.delete(wait);
          resolve();
        },
      };
      const cancelLimit = this.#clock.after(limitMs, wait.done);
      this.#waiting.add(wait);
    });
  }

  /** Real traffic failed as often in a row as the check allows: told by a thread's observer. What is not watched any more is left alone. */
  failing(backend: BackendState, source: string, failures: number, last: string): void {
    const [watched, passive] = this.#passive(backend, source);
    if (watched && passive) this.#ejector.failing(watched, passive, failures, last);
  }

  /** The first success in real traffic: told by a thread's observer. */
  served(backend: BackendState, source: string): void {
    const [watched, passive] = this.#passive(backend, source);
    if (watched && passive) this.#ejector.served(watched, passive);
  }

  #passive(backend: BackendState, source: string): [Watched | undefined, PassiveWatch | undefined] {
    const watched = this.#watched.get(backend);
    return [watched, watched?.passive.find(({ check }) => check.source === source)];
  }

  states(): readonly CheckState[] {
    const states: CheckState[] = [];
    for (const { backend, active, passive } of this.#watched.values()) {
      for (const { check, streak, reason, at } of active) {
        const count = streak.good === false ? -streak.inARow : streak.inARow;
        states.push({ backend: backend.id, source: check.source, passing: at === -1 ? undefined : streak.passing, streak: count, reason, at, ejectedUntil: 0 });
      }
      for (const { check, isEjected, hasSeenResult, failures, reason, at, ejectedUntil } of passive) {
        const passing = isEjected ? false : hasSeenResult ? true : undefined;
        states.push({ backend: backend.id, source: check.source, passing, streak: failures === 0 ? 0 : -failures, reason, at, ejectedUntil });
      }
    }
    return states;
  }

  /** Ends every probe and timer. Marks stay as they are; nothing is watched any more, and `firstResults` settles. */
  stop(): void {
    this.#isStopped = true;
    for (const watched of this.#watched.values()) this.#dismiss(watched);
    this.#watched.clear();
  }

  #replaceActive(watched: Watched, checks: readonly ActiveCheck[], fresh: ActiveWatch[]): void {
    const before = new Map(watched.active.map((watch) => [watch.check.source, watch]));
    watched.active = checks.map((check) => {
      const known = before.get(check.source);
      before.delete(check.source);
      known?.replace(check);
      if (known !== undefined) return known;
      const watch = new ActiveWatch(watched.backend, check, this.#clock, this.#onResult, this.#onFault);
      fresh.push(watch);
      return watch;
    });
    for (const [source, watch] of before) {
      this.#dismissActive(watch);
      this.#flip(source, () => watched.backend.forgetSource(source, 'the check left the config'));
    }
  }

  #replacePassive(watched: Watched, checks: readonly EjectingCheck[]): void {
    const { backend } = watched;
    const before = new Map(watched.passive.map((watch) => [watch.check.source, watch]));
    const staying = new Set(checks.map(({ source }) => source));
    // First, so that their bits serve those that come.
    for (const [source, watch] of before) {
      if (staying.has(source)) continue;
      watch.cancelEnd();
      this.#flip(source, () => backend.forgetSource(source, 'the check left the config'));
    }
    watched.passive = checks.map((check) => {
      const known = before.get(check.source);
      if (known !== undefined) {
        known.check = check;
        return known;
      }
      // A backend that left while marked, lived on in an old generation and comes back: nobody else would end that mark.
      this.#flip(check.source, () => backend.resetSource(check.source, 'the backend came back to its pool'));
      return new PassiveWatch(backend, check);
    });
  }

  #dismiss(watched: Watched): void {
    for (const watch of watched.active) this.#dismissActive(watch);
    for (const watch of watched.passive) watch.cancelEnd();
  }

  #dismissActive(watch: ActiveWatch): void {
    watch.stop();
    this.#tellWaiting(watch);
  }

  #tellWaiting(watch: ActiveWatch): void {
    for (const wait of this.#waiting) if (wait.left.delete(watch) && wait.left.size === 0) wait.done();
  }

  readonly #onResult = (watch: ActiveWatch, before: Streak, startedAt: number): void => {
    const watched = this.#watched.get(watch.backend);
    if (watched === undefined) return;
    const { backend, streak, reason } = watch;
    const { source } = watch.check;
    if (!streak.good) watch.goodSinceEjection = 0;
    else if (startedAt >= watched.ejectedAt) watch.goodSinceEjection++;

    if (!streak.good && streak.passing === false) {
      const count = streak.inARow > 1 ? ` (${streak.inARow} in a row)` : '';
      this.#flip(source, () => backend.mark(source, reason + count, this.#clock.now()));
    } else if (streak.passing === true && before.passing !== true && backend.health === 'down') {
      backend.upSince = this.#clock.now();
      const how = streak.inARow > 1 ? `${streak.inARow} good checks in a row` : 'the check was good';
      this.#flip(source, () => backend.clear(source, how));
    }
    this.#admitUnknown(watched);
    this.#ejector.endDue(watched);
    this.#tellWaiting(watch);
  };

  /** An unknown backend is up when every active check has let it through: the first of two to answer does not speak for the other. */
  #admitUnknown({ backend, active }: Watched): void {
    if (active.length === 0 || backend.health !== 'unknown' || !active.every((watch) => watch.streak.passing === true)) return;
    const { source } = active[0]!.check;
    this.#flip(source, () => backend.clear(source, 'the first check was good'));
  }

  /** Marks change first, listeners hear it after: one that throws must not stop the schedule. */
  #flip(source: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      this.#onFault(source, error);
    }
  }
}

function refuseTwins({ name, active, passive }: MonitoredPool): void {
  const seen = new Set<string>();
  for (const { source } of [...active, ...passive]) {
    if (seen.has(source)) throw new RangeError(`pool ${name} has two health checks called ${source}`);
    seen.add(source);
  }
}

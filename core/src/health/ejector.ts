/** From failures in a row of real traffic to marks: ejects, calls a truce, lets back in. Runs in main. */
import type { BackendState } from '../upstream/backend.ts';
import type { MonitorClock } from './clock.ts';
import type { PassiveWatch } from './ejection.ts';
import type { Watched } from './watched.ts';

export class Ejector {
  readonly #clock: MonitorClock;
  /** Changes marks, and survives a listener that throws. */
  readonly #flip: (source: string, change: () => void) => void;
  readonly #find: (backend: BackendState) => Watched | undefined;

  constructor(clock: MonitorClock, flip: (source: string, change: () => void) => void, find: (backend: BackendState) => Watched | undefined) {
    this.#clock = clock;
    this.#flip = flip;
    this.#find = find;
  }

  /** Ends the marks of this backend that may end now. Asked when their time is over, and after each result of an active check. */
  endDue(watched: Watched): void {
    for (const passive of watched.passive) {
      if (!passive.isEjected) continue;
      const reason = passive.reasonToEnd(watched.active, this.#clock.now());
      if (reason !== undefined) this.#end(watched, passive, reason);
    }
  }

  /** The first success in real traffic. */
  served({ backend, active }: Watched, passive: PassiveWatch): void {
    passive.hasSeenResult = true;
    const { source } = passive.check;
    // Where there are active checks, they decide about an unknown backend.
    if (active.length === 0 && backend.health === 'unknown') this.#flip(source, () => backend.clear(source, 'served real traffic'));
  }

  /** Real traffic failed as often in a row as the check allows. Told by the thread that counted, so it may be late. */
  failing(watched: Watched, passive: PassiveWatch, failures: number, last: string): void {
    const { backend, pool } = watched;
    if (backend.health === 'down') return;
    const now = this.#clock.now();
    passive.hasSeenResult = true;
    passive.at = now;
    if (now < (pool.truceUntil.get(passive.check.source) ?? -Infinity)) passive.countAnew();
    else if (isLastAvailable(watched)) this.#callTruce(watched, passive, now);
    else this.#eject(watched, passive, `${failures === 1 ? '1 failure' : `${failures} failures in a row`} in real traffic, the last: ${last}`, now);
  }

  #eject(watched: Watched, passive: PassiveWatch, reason: string, now: number): void {
    const { backend, active } = watched;
    const { source } = passive.check;
    const lengthMs = passive.begin(now);
    watched.ejectedAt = now;
    for (const watch of active) watch.goodSinceEjection = 0;
    passive.reason = reason;
    passive.cancelEnd = this.#clock.after(lengthMs, () => this.endDue(watched));
    this.#flip(source, () => backend.mark(source, passive.reason, now));
  }

  /**
   * The last available backend fails too: then the fault is hardly one backend's, and one backend alone would turn a partial outage into a full one.
   * So nobody is ejected, what this source ejected in the pool comes back, and it ejects nobody for `ejectMs`: without that the pool would flap.
   */
  #callTruce(watched: Watched, passive: PassiveWatch, now: number): void {
    const { source, ejection } = passive.check;
    passive.countAnew();
    for (const member of watched.pool.members) {
      const other = this.#find(member);
      const ejected = other?.passive.find((candidate) => candidate.check.source === source && candidate.isEjected);
      if (other === undefined || ejected === undefined) continue;
      this.#end(other, ejected, 'the other backends of the pool fail as well');
      ejected.forgetLengths();
      watched.pool.truceUntil.set(source, now + ejection.ejectMs);
    }
  }

  #end(watched: Watched, passive: PassiveWatch, reason: string): void {
    const now = this.#clock.now();
    const { source } = passive.check;
    passive.end(now);
    passive.reason = reason;
    watched.backend.upSince = now;
    this.#flip(source, () => watched.backend.clear(source, reason));
  }
}

/** Whether no other member of the pool could take the traffic. Asked at the end of a series of failures only. */
function isLastAvailable({ backend, pool }: Watched): boolean {
  return !pool.members.some((other) => {
    if (other === backend || other.draining || other.weight === 0) return false;
    return other.health === 'up' || (other.health === 'unknown' && !pool.hasActive);
  });
}

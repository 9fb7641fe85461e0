/**
 * One who knows the odds: that slow is so many times slower, how long it lasts, how work is distributed; but not who is slow. Who it is it infers from what came
 * and what did not, by Bayes, from each backend for itself. So far a balancer can come that is told nothing by the backends: the mirror of `expected-delay`,
 * which must do without the odds.
 */
import { ANTAGONISTS, BACKENDS, MEAN_WORK_MS, MOVE_MS, SLOW_TIMES } from './setting.ts';
import type { Rule, Scene } from './simulation.ts';

const PRIOR = ANTAGONISTS / BACKENDS;
/** An antagonist stays until each of the others has moved once, too. */
const STAY_MS = ANTAGONISTS * MOVE_MS;
/** Going and coming, together: as many come as go. */
const CHANGES_PER_MS = 1 / STAY_MS / (1 - PRIOR);

class Suspicion {
  /** Likelihood of being slow at `stampMs`. */
  #slow = PRIOR;
  #stampMs = 0;
  /** The last answer. */
  answeredMs = 0;

  /** The likelihood, while what is served now has been so for `servedMs`; 0 = nothing is. */
  at(nowMs: number, servedMs: number): number {
    const slow = PRIOR + (this.#slow - PRIOR) * Math.exp(-CHANGES_PER_MS * (nowMs - this.#stampMs));
    const ofSlow = slow * Math.exp(-servedMs / (MEAN_WORK_MS * SLOW_TIMES));
    return ofSlow / (ofSlow + (1 - slow) * Math.exp(-servedMs / MEAN_WORK_MS));
  }

  answered(nowMs: number, servedMs: number): void {
    const slow = this.at(nowMs, servedMs);
    this.#slow = slow / SLOW_TIMES / (slow / SLOW_TIMES + 1 - slow);
    this.#stampMs = nowMs;
    this.answeredMs = nowMs;
  }
}

/** Joins the queue that is through first at the speed to be expected. */
export function knowsTheOdds({ backends }: Scene, turn: (delays: readonly number[]) => number): Rule {
  const suspicions = backends.map(() => new Suspicion());
  return {
    pick(atMs) {
      return turn(backends.map(({ queue }, index) => {
        const suspicion = suspicions[index]!;
        const slow = suspicion.at(atMs, queue.length === 0 ? 0 : atMs - Math.max(queue[0]!.arrivedMs, suspicion.answeredMs));
        return (queue.length + 1) / (slow / SLOW_TIMES + 1 - slow);
      }));
    },
    end(index, { arrivedMs }, atMs) {
      suspicions[index]!.answered(atMs, atMs - Math.max(arrivedMs, suspicions[index]!.answeredMs));
    },
  };
}

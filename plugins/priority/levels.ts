/**
 * Levels of priority and what each of them carries, as in Envoy: a level is worth its healthy share times the overprovisioning factor, 100 % at most;
 * the first level takes all it is worth, the next what is left, and so on. Where all together are worth less than 100 %, each takes its part of the sum.
 */
import type { Backend, Member } from '@steelyard/sdk';

interface Level {
  readonly backends: Backend[];
  /** Share of the traffic, 0 to 1. */
  share: number;
}

export class Levels {
  #levels: Level[] = [];
  readonly #overprovisioning: number;

  constructor(overprovisioning: number) {
    this.#overprovisioning = overprovisioning;
  }

  get count(): number {
    return this.#levels.length;
  }
  backendsOf(level: number): readonly Backend[] {
    return this.#levels[level]!.backends;
  }
  shareOf(level: number): number {
    return this.#levels[level]!.share;
  }

  /** The members by `priority`, lowest first; those of weight 0 stand nowhere. */
  setMembers(members: readonly Member[]): void {
    const byPriority = Map.groupBy(members.filter(({ weight }) => weight > 0), ({ backend }) => backend.priority);
    const priorities = [...byPriority.keys()].toSorted((a, b) => a - b);
    this.#levels = priorities.map((priority) => ({ backends: byPriority.get(priority)!.map(({ backend }) => backend), share: 0 }));
    this.weigh();
  }

  /** Anew after the health of a member changed. */
  weigh(): void {
    const worth = this.#levels.map(({ backends }) => Math.min(1, this.#overprovisioning * healthyShare(backends)));
    const sum = worth.reduce((total, each) => total + each, 0);
    // Nobody is healthy: whoever is available in spite of that (a panic) is found level by level, from the first on.
    const scale = sum === 0 ? 0 : Math.max(1, 1 / sum);
    let left = 1;
    this.#levels.forEach((level, i) => {
      level.share = Math.min(left, worth[i]! * scale);
      left -= level.share;
    });
  }

  /** The level for a number in [0, 1). */
  at(chance: number): number {
    let level = 0;
    for (let passed = this.#levels[0]?.share ?? 0; level < this.#levels.length - 1 && chance >= passed; ) passed += this.#levels[++level]!.share;
    // The last ones may have no share, and rounding leave a sliver of chance behind all of them.
    while (level > 0 && this.#levels[level]!.share === 0) level--;
    return level;
  }
}

function healthyShare(backends: readonly Backend[]): number {
  let healthy = 0;
  for (const { health, draining } of backends) if (health !== 'down' && !draining) healthy++;
  return healthy / backends.length;
}

/** Declared properties of how load is looked at: in-flight is set by hand, each lease is ended at once. */
import { SeededRandom } from '../random.ts';
import { strategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { mostStray } from './bounds.ts';
import { Break, describePool } from './rule.ts';
import type { Rule, Subject } from './rule.ts';

/**
 * What a strategy compares: a load for in-flight and weight.
 * @example
 * import type { LoadRule } from '@steelyard/sdk/testkit';
 * const expectedDelay: LoadRule = (inFlight, weight) => (inFlight + 1) / weight;
 */
export type LoadRule = (inFlight: number, weight: number) => number;

export function leastLoaded(load: LoadRule): Rule {
  return { id: 'least-loaded', says: 'no available backend has less load than the one picked', check: (subject) => checkLeastLoaded(subject, load) };
}
export const avoidsMostLoaded: Rule = {
  id: 'avoids-most-loaded', says: 'of two or more, the strictly most loaded gets nothing', check: checkAvoidsMostLoaded,
};
export function powerOfChoices(choices: number): Rule {
  return {
    id: 'power-of-choices', says: `picks the least loaded of ${choices} different backends, each set equally likely`,
    check: (subject) => checkChoices(subject, choices),
  };
}

function checkLeastLoaded(subject: Subject, load: LoadRule): void {
  const chance = new SeededRandom(subject.seed);
  const w = world(subject);
  const strategy = strategyUnderTest(subject.use, w);
  for (let sample = 0; sample < 2_000; sample++) {
    if (sample % 20 === 0) strategy.update(w.backends(Array.from({ length: 1 + chance.below(12) }, () => ({ weight: chance.below(5) }))));
    for (const backend of strategy.pool.backends) {
      const fake = backend as ReturnType<typeof w.backends>[number];
      fake.inFlight = chance.below(6);
      fake.health = chance.next() < 0.2 ? 'down' : 'up';
    }
    const picked = strategy.select();
    const member = strategy.members.find(({ backend }) => backend === picked);
    if (!member) continue;
    const least = strategy.members.find(({ backend, weight }) =>
      weight > 0 && strategy.pool.isAvailable(backend) && load(backend.inFlight, weight) < load(member.backend.inFlight, member.weight) - 1e-9);
    if (!least) continue;
    throw new Break({
      seen: `it picked ${member.backend.address} at load ${load(member.backend.inFlight, member.weight).toFixed(3)}; ${least.backend.address} has ${load(least.backend.inFlight, least.weight).toFixed(3)}`,
      sample: describePool(strategy.members, strategy.pool),
      probably: 'the weight is left out of the comparison, or multiplied on the wrong side: a/wa < b/wb is a·wb < b·wa',
    });
  }
}

const PICKS = 2_000;

function checkAvoidsMostLoaded(subject: Subject): void {
  for (const size of [2, 3, 5, 10]) {
    // Wherever it stands in the list: whoever compares with what he saw before may be right by the order alone.
    for (const place of new Set([0, size >> 1, size - 1])) checkPlace(subject, size, place);
  }
}

function checkPlace(subject: Subject, size: number, place: number): void {
  const w = world(subject);
  const strategy = strategyUnderTest(subject.use, w);
  // One ahead is enough to be the most loaded.
  const backends = w.backends(Array.from({ length: size }, (_, i) => ({ inFlight: i === place ? 4 : 3 })));
  strategy.update(backends);
  const wrong = strategy.picks(PICKS).filter((backend) => backend === backends[place]).length;
  if (wrong === 0) return;
  const share = wrong / PICKS;
  throw new Break({
    seen: `${wrong} of ${PICKS} picks (${(100 * share).toFixed(1)} %) went to the most loaded`,
    sample: describePool(strategy.members, strategy.pool),
    // Twice the same of n: 1/n². Not compared at all: 1/n.
    probably: share < 1.5 / size ** 2
      ? `backends are drawn with replacement: the most loaded is drawn twice with 1/n², here ${(100 / size ** 2).toFixed(1)} %. Draw different ones`
      : 'loads are not compared, or the wrong way round; or a list of the best so far is not emptied when a better one comes',
  });
}

const CHOICE_PICKS = 50_000;

/**
 * With n loads, all different, the backend of rank r (0 = least) is picked when it is drawn and nothing before it is: the other d-1 come from the
 * n-1-r behind it. So its probability is C(n-1-r, d-1) / C(n, d), wherever in the list it stands.
 */
function checkChoices(subject: Subject, choices: number): void {
  for (const isRising of [true, false]) checkRanks(subject, choices, isRising);
}

function checkRanks(subject: Subject, choices: number, isRising: boolean): void {
  const size = choices + 3;
  const w = world(subject);
  const strategy = strategyUnderTest(subject.use, w);
  const backends = w.backends(Array.from({ length: size }, (_, rank) => ({ inFlight: rank })));
  strategy.update(isRising ? backends : backends.toReversed());
  const picks = strategy.picks(CHOICE_PICKS);
  const stray = mostStray(CHOICE_PICKS, size);
  backends.forEach((backend, rank) => {
    const had = picks.filter((picked) => picked === backend).length;
    const expected = (CHOICE_PICKS * subsets(size - 1 - rank, choices - 1)) / subsets(size, choices);
    const hasDrawn = Math.round((had * size) / CHOICE_PICKS);
    const isRight = expected === 0 ? had === 0 : Math.abs(had - expected) <= stray;
    if (isRight) return;
    throw new Break({
      seen: `the backend of rank ${rank} in load got ${had} of ${CHOICE_PICKS} picks; expected ${Math.round(expected)}, give or take ${Math.ceil(stray)}`,
      sample: describePool(strategy.members, strategy.pool),
      // The least loaded is picked whenever it is drawn: of d different ones, d/n of the time.
      probably: rank === 0 && hasDrawn > 1 && Math.abs(had - (hasDrawn * CHOICE_PICKS) / size) <= stray
        ? `it takes the least loaded of ${hasDrawn} different ones, not of ${choices}`
        : expected === 0
        ? 'fewer different backends are drawn than declared, or their loads are not compared'
        : 'some sets are likelier than others: moving one of two equal indices on by one makes neighbours likelier. Swap what was drawn to the front (Fisher-Yates)',
    });
  });
}

/** n over k. */
function subsets(n: number, k: number): number {
  let result = 1;
  for (let i = 0; i < k; i++) result *= (n - i) / (i + 1);
  return n < k ? 0 : result;
}

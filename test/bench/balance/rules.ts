/** Who takes part in the simulation: Steelyard's own strategies at work in the test kit's world, the rules of the peers, and those that know more than anybody can. */
import type { StrategyUse } from '@steelyard/sdk';
import { strategyUnderTest, world, type FakeLease } from '@steelyard/sdk/testkit';
import { seededRandom } from '../statistics.ts';
import { knowsTheOdds } from './odds.ts';
import { workOf } from './schedule.ts';
import { BACKENDS, MEAN_WORK_MS, SLOW_TIMES } from './setting.ts';
import type { MakeRule, Scene } from './simulation.ts';

const ALL = Array.from({ length: BACKENDS }, (_, index) => index);

/** The strategy itself, in virtual time. */
export function strategyRule(use: StrategyUse, hasHints: boolean): MakeRule {
  return ({ seed, backends }) => {
    const kit = world({ seed });
    const beganMs = kit.now();
    const members = kit.backends(BACKENDS);
    const strategy = strategyUnderTest(use, kit);
    strategy.update(members);
    const leases = new Map<number, FakeLease>();
    const load = (index: number): Record<string, string> => ({ 'x-load': String(backends[index]!.memory) });
    kit.answerProbes((backend) => ({ status: 200, headers: load(members.findIndex((member) => member === backend)), body: '' }));
    const advanceTo = (atMs: number): void => kit.advance(Math.max(0, atMs + beganMs - kit.now()));
    return {
      async pick(atMs, request) {
        advanceTo(atMs);
        await kit.settled();
        const lease = strategy.pick()!;
        leases.set(request, lease);
        return members.indexOf(lease.backend);
      },
      end(index, { request }, atMs) {
        advanceTo(atMs);
        const lease = leases.get(request)!;
        leases.delete(request);
        if (hasHints) lease.respond(kit.responseHead(200, load(index)));
        lease.end();
      },
      close: () => kit.end(),
    };
  };
}

/** Of those with the least, whoever the tie-break says. */
function least(candidates: readonly number[], of: (index: number) => number, tie: (tied: readonly number[]) => number): number {
  const values = candidates.map(of);
  const smallest = Math.min(...values);
  return tie(candidates.filter((_index, i) => values[i] === smallest));
}

function fewest(candidates: readonly number[], { backends }: Scene, tie: (tied: readonly number[]) => number): number {
  return least(candidates, (index) => backends[index]!.queue.length, tie);
}

function two(random: () => number): [number, number] {
  const one = Math.floor(random() * BACKENDS);
  const other = Math.floor(random() * (BACKENDS - 1));
  return [one, other < one ? other : other + 1];
}

const any = (random: () => number) => (tied: readonly number[]) => tied[Math.floor(random() * tied.length)]!;
/** Whoever was picked longest ago. */
function inTurn(): (tied: readonly number[]) => number {
  const lastPick = new Float64Array(BACKENDS);
  let pick = 0;
  return (tied) => {
    const next = tied.reduce((first, index) => (lastPick[index]! < lastPick[first]! ? index : first));
    lastPick[next] = ++pick;
    return next;
  };
}

/** The rules that the peers' documentation tells. */
export const PEERS: Readonly<Record<string, MakeRule>> = {
  'least_conn, ties in turn': (scene) => {
    const turn = inTurn();
    return { pick: () => fewest(ALL, scene, turn) };
  },
  'least_conn, ties by chance': (scene) => {
    const tie = any(seededRandom(scene.seed));
    return { pick: () => fewest(ALL, scene, tie) };
  },
  'random two': (scene) => {
    const random = seededRandom(scene.seed);
    return { pick: () => fewest(two(random), scene, any(random)) };
  },
  'random(2), the same one twice at times': (scene) => {
    const random = seededRandom(scene.seed);
    return { pick: () => fewest([Math.floor(random() * BACKENDS), Math.floor(random() * BACKENDS)], scene, any(random)) };
  },
};

/** Rules that know more than a balancer can. */
export const BOUNDS: Readonly<Record<string, MakeRule>> = {
  'knows the odds': (scene) => {
    const turn = inTurn();
    return knowsTheOdds(scene, (delays) => least(ALL, (index) => delays[index]!, turn));
  },
  'knows who is slow now': ({ antagonists, backends }) => {
    const turn = inTurn();
    return { pick: (atMs) => least(ALL, (index) => (backends[index]!.queue.length + 1) * (antagonists.isSlow(index, atMs) ? SLOW_TIMES : 1), turn) };
  },
  // That, and the work that waits in each queue.
  'knows what is left of each queue': ({ antagonists, backends }) => {
    const turn = inTurn();
    return { pick: (atMs) => least(ALL, (index) => Math.max(0, backends[index]!.freeMs - atMs) + MEAN_WORK_MS * (antagonists.isSlow(index, atMs) ? SLOW_TIMES : 1), turn) };
  },
  // And the work of the request itself, and every move to come.
  'knows all': ({ seed, antagonists, backends }) => {
    const turn = inTurn();
    return { pick: (atMs, request) => least(ALL, (index) => antagonists.finishOf(index, Math.max(atMs, backends[index]!.freeMs), workOf(seed, request)), turn) };
  },
};

/** Who takes part in the simulation: Steelyard's own strategies at work in the test kit's world, the rules of the peers, and those that know more than anybody can. */
import type { StrategyUse } from '@steelyard/sdk';
import { strategyUnderTest, world, type FakeLease } from '@steelyard/sdk/testkit';
import { seededRandom } from '../statistics.ts';
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
      end(index, request, atMs) {
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

/** Of the fewest in flight, whoever the tie-break says. */
function fewest(candidates: readonly number[], { backends }: Scene, tie: (tied: readonly number[]) => number): number {
  const least = Math.min(...candidates.map((index) => backends[index]!.queue.length));
  return tie(candidates.filter((index) => backends[index]!.queue.length === least));
}

function two(random: () => number): [number, number] {
  const one = Math.floor(random() * BACKENDS);
  const other = Math.floor(random() * (BACKENDS - 1));
  return [one, other < one ? other : other + 1];
}

const any = (random: () => number) => (tied: readonly number[]) => tied[Math.floor(random() * tied.length)]!;
/** Whoever was picked longest ago: smooth weighted round-robin of equal weights does so. */
function inTurn(): (tied: readonly number[]) => number {
  const lastPick = new Float64Array(BACKENDS);
  let pick = 0;
  return (tied) => {
    const next = tied.reduce((first, index) => (lastPick[index]! < lastPick[first]! ? index : first));
    lastPick[next] = ++pick;
    return next;
  };
}

/** As their documentation tells them. What they do about ties differs, and hardly matters at this load. */
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
  'random(2), with replacement': (scene) => {
    const random = seededRandom(scene.seed);
    return { pick: () => fewest([Math.floor(random() * BACKENDS), Math.floor(random() * BACKENDS)], scene, any(random)) };
  },
};

/** What no balancer can know. */
export const BOUNDS: Readonly<Record<string, MakeRule>> = {
  // Which is slow, at once: of what is told apart from the work of a request, all that there is to know.
  'knows who is slow now': ({ antagonists, backends }) => {
    const turn = inTurn();
    return {
      pick(atMs) {
        const delays = ALL.map((index) => (backends[index]!.queue.length + 1) * (antagonists.isSlow(index, atMs) ? SLOW_TIMES : 1));
        const least = Math.min(...delays);
        return turn(ALL.filter((index) => delays[index] === least));
      },
    };
  },
  // And what is left of the work in each queue.
  'knows what is left of each queue': ({ antagonists, backends }) => ({
    pick: (atMs) => leastBy((index) => Math.max(0, backends[index]!.freeMs - atMs) + MEAN_WORK_MS * (antagonists.isSlow(index, atMs) ? SLOW_TIMES : 1)),
  }),
  // And the work of the request, and every move to come.
  'knows all': ({ seed, antagonists, backends }) => ({
    pick: (atMs, request) => leastBy((index) => antagonists.finishOf(index, Math.max(atMs, backends[index]!.freeMs), workOf(seed, request))),
  }),
};

function leastBy(cost: (index: number) => number): number {
  let best = 0;
  for (let index = 1; index < BACKENDS; index++) if (cost(index) < cost(best)) best = index;
  return best;
}

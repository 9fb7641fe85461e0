/** The rules about every single pick, and about throws: six lives and some large pools are gone through once for all of them. */
import { describeError } from '../../errors.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { Break, describePool, describeThrow, statesOf } from './rule.ts';
import type { Subject } from './rule.ts';
import { runCrowds, runScenario } from './scenario.ts';
import type { PickEvent, ScenarioOptions } from './scenario.ts';
import { usesOfForbidden } from './traps.ts';
import type { TrappedUse } from './traps.ts';
import { WriteSeen } from './writes.ts';

/** Lives per subject; each has its own seed, derived from the one given. */
const LIVES = 6;
export const lives = ({ seed }: Subject): number[] => Array.from({ length: LIVES }, (_, life) => seed + life * 7919);

/** What each pick is held against. */
const PICK_CHECKS: readonly (readonly [rule: string, check: (pick: PickEvent) => void])[] = [
  ['returns-a-member', checkIsMember], ['available-only', checkAvailable], ['weight-zero', checkWeightZero], ['undefined-only-when-none', checkNotTooEarly],
];
/** What all lives of a subject showed. They are lived once for all of these rules: they cost more than the looks. */
interface Seen {
  /** By rule: how it was broken first. */
  readonly breaks: ReadonlyMap<string, unknown>;
  readonly forbidden: readonly TrappedUse[];
}
const seenOf = new WeakMap<Subject, Seen>();

function seen(subject: Subject): Seen {
  const known = seenOf.get(subject) ?? liveAll(subject);
  seenOf.set(subject, known);
  return known;
}

/** @throws Break when one of the picks of all lives broke the rule */
export function throwIfSeen(subject: Subject, rule: string): void {
  const { breaks } = seen(subject);
  if (breaks.has(rule)) throw breaks.get(rule);
}

/** Clocks and chance that are not the host's: a branch that needs them may be a rare one, so all lives are looked at, and a reload. */
export function forbiddenUses(subject: Subject): readonly TrappedUse[] {
  return seen(subject).forbidden;
}

function liveAll(subject: Subject): Seen {
  const breaks = new Map<string, unknown>();
  const note = (rule: string, look: () => void) => {
    if (breaks.has(rule)) return;
    try {
      look();
    } catch (thrown) {
      breaks.set(rule, thrown);
    }
  };
  const onPick = (pick: PickEvent) => {
    for (const [rule, check] of PICK_CHECKS) note(rule, () => check(pick));
  };
  const onThrow: ScenarioOptions['onThrow'] = (call, thrown, step, strategy) => note('never-throws', () => refuseThrow(call, thrown, step, strategy));
  // The protocol `any` promises TCP too: there is no request to read.
  const protocols = subject.use.protocol === 'any' ? (['http', 'tcp'] as const) : (['http'] as const);
  const forbidden = usesOfForbidden(() => {
    for (const protocol of protocols) for (const seed of lives(subject)) runScenario(subject.use, seed, { protocol, onPick, onThrow });
    note('never-throws', () => checkSizes(subject));
    note('never-throws', () => runCrowds(subject.use, subject.seed, onPick));
    note('never-throws', () => checkReloads(subject));
  });
  return { breaks, forbidden };
}

function refuseThrow(call: string, thrown: unknown, step: number, strategy: StrategyUnderTest | undefined): never {
  throw new Break({
    seen: thrown instanceof WriteSeen ? `${thrown.message}; in the balancer that throws` : `${call} threw ${describeThrow(thrown)}`,
    sample: strategy ? `step ${step}: ${describePool(strategy.members, strategy.pool)}` : 'nothing was there yet',
    probably: thrown instanceof WriteSeen || /frozen|read only|extensible/i.test(describeError(thrown))
      ? 'it changes the list of members or backends in place, or one of them: copy the list first (toSorted, slice), and keep what you know of a backend in host.perBackend'
      : 'an index beyond the end, a backend that left while its lease was open, or an outcome that was not thought of',
  });
}

function checkSizes(subject: Subject): void {
  for (const size of [0, 1, 2, 1_000]) {
    const w = world(subject);
    let strategy: StrategyUnderTest | undefined;
    try {
      strategy = strategyUnderTest(subject.use, w);
      strategy.update(w.backends(size));
      for (let pick = 0; pick < 100; pick++) strategy.select();
      strategy.update([]);
      strategy.select();
    } catch (thrown) {
      refuseThrow(`update or select with ${size} backends`, thrown, 0, strategy);
    }
  }
}

/** Told of nobody, which is when a snapshot is asked of an instance that never picked. */
function checkReloads(subject: Subject): void {
  try {
    strategyUnderTest(subject.use, world(subject)).reload();
  } catch (thrown) {
    refuseThrow('create, update, snapshot or adopt of a reload', thrown, 0, undefined);
  }
}

function memberOf({ picked, strategy }: PickEvent): PickEvent['strategy']['members'][number] | undefined {
  return strategy.members.find(({ backend }) => backend === picked);
}
function sampleOf({ step, strategy }: PickEvent): string {
  return `step ${step}: ${describePool(strategy.members, strategy.pool)}`;
}

function checkIsMember(pick: PickEvent): void {
  if (pick.picked === undefined || memberOf(pick)) return;
  const { picked } = pick;
  const shape = typeof picked === 'object' && picked !== null ? picked : {};
  const [seen, probably] =
    'then' in shape ? ['a promise', 'select is asynchronous; it has to answer at once, so ask beforehand (host.every) and keep the answer']
    : 'backend' in shape ? ['a member', 'it returns the member: return member.backend']
    : 'address' in shape ? [`the backend ${String(shape.address)}, which is no member`, 'it keeps a list from before the last update, or gives a copy: a Backend object of the last update(members) has to come back itself']
    : [picked === null ? 'null' : typeof picked, 'return one of the Backend objects of update(members), or undefined'];
  throw new Break({ seen: `select returned ${seen}`, sample: sampleOf(pick), probably });
}

function checkAvailable(pick: PickEvent): void {
  const member = memberOf(pick);
  const { pool } = pick.strategy;
  if (!member || pool.isAvailable(member.backend)) return;
  throw new Break({
    seen: `it picked ${member.backend.address}, which ${statesOf(member.backend, pool).join(', ')}`,
    sample: sampleOf(pick),
    probably: member.backend.health === 'down'
      ? 'it does not ask pool.isAvailable(backend) before it returns'
      : 'it looks at health itself: pool.isAvailable(backend) knows who drains, who is at its limit and who was tried, too',
  });
}

function checkWeightZero(pick: PickEvent): void {
  const member = memberOf(pick);
  if (!member || member.weight > 0) return;
  const wasConfigured = member.backend.weight > 0;
  throw new Break({
    seen: `it picked ${member.backend.address}`,
    sample: sampleOf(pick),
    probably: wasConfigured
      ? 'it reads backend.weight, or no weight at all: leave out members of weight 0 in update'
      : 'leave out members of weight 0 in update',
  });
}

function checkNotTooEarly(pick: PickEvent): void {
  if (pick.picked !== undefined) return;
  const { members, pool } = pick.strategy;
  const left = members.find(({ backend, weight }) => weight > 0 && pool.isAvailable(backend));
  if (!left) return;
  throw new Break({
    seen: `it returned undefined, but ${left.backend.address} is available`,
    sample: sampleOf(pick),
    probably: 'it gives up after some draws or after the first that is unavailable: end with a scan of all',
  });
}

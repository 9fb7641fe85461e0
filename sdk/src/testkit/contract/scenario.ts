/** A life in random events: members come, go and change weight, backends fail and fill up, leases open and end. The same seed gives the same life. */
import type { StrategyUse } from '../../define.ts';
import type { Exchange, Member } from '../../model.ts';
import type { FakeBackend } from '../backends.ts';
import { aborted, answered, failed } from '../leases.ts';
import { SeededRandom } from '../random.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';

/** One call of `select`. Valid while it is visited. */
export interface PickEvent {
  readonly step: number;
  /** Whatever `select` returned. */
  readonly picked: unknown;
  readonly strategy: StrategyUnderTest;
}
export interface ScenarioOptions {
  steps?: number;
  protocol?: 'http' | 'tcp';
  onPick?: (pick: PickEvent) => void;
  /** A call threw: `select`, `update`, `onStart` ... Default: ignored, another rule is about that. */
  onThrow?: (call: string, thrown: unknown, strategy: StrategyUnderTest) => void;
}

const WEIGHTS = [0, 0.25, 1, 1, 1, 2, 5, 100];
const OUTCOMES = [
  () => answered(200, { durationMs: 5, firstByteMs: 3 }), () => answered(500), () => answered(0),
  () => failed('connect'), () => failed('send'), () => failed('head'), () => failed('body'),
  () => aborted('client'), () => aborted('balancer'), () => aborted('plugin'),
];
/** Shares of backends that are down, one for each part of the life: all well, some, nearly all. */
const DOWN_SHARES = [0, 0.4, 0.85];
const PART_STEPS = 80;

/** Runs a whole life. Returns who was picked: an address, `none`, `threw`, or `rubbish`. */
export function runScenario(use: StrategyUse, seed: number, options: ScenarioOptions = {}): string[] {
  const life = scenario(use, seed, options);
  for (;;) {
    const { done, value } = life.next();
    if (done) return value;
  }
}

/** The same, step by step, so that two lives may be lived side by side. */
export function* scenario(use: StrategyUse, seed: number, options: ScenarioOptions = {}): Generator<void, string[]> {
  const { steps = 800, onPick, onThrow } = options;
  // Chance of its own: what the strategy draws must not change what happens to it.
  const chance = new SeededRandom(seed ^ 0x5ca1ab1e);
  const world_ = world({ seed });
  let strategy!: StrategyUnderTest;
  const guarded = (call: string, run: () => void) => {
    try {
      run();
      return true;
    } catch (thrown) {
      onThrow?.(call, thrown, strategy);
      return false;
    }
  };
  if (!guarded('create', () => void (strategy = strategyUnderTest(use, world_)))) return ['threw'];

  let downShare = 0;
  let members: Member[] = [];
  const transcript: string[] = [];
  for (let step = 0; step < steps; step++) {
    if (step % PART_STEPS === 0) {
      downShare = DOWN_SHARES[(step / PART_STEPS) % DOWN_SHARES.length]!;
      for (const { backend } of members) shake(backend, downShare, chance, world_);
    }
    const dice = chance.next();
    if (step % PART_STEPS === 0 || dice < 0.06) {
      members = changeMembers(members, world_, downShare, chance);
      guarded('update', () => strategy.update(members));
    } else if (dice < 0.1) {
      members = members.map(({ backend, weight }) => ({ backend, weight: chance.next() < 0.5 ? weight : oneOf(WEIGHTS, chance) }));
      guarded('update', () => strategy.update(members));
    } else if (dice < 0.2 && members.length > 0) {
      shake(oneOf(members, chance).backend, downShare, chance, world_);
    } else if (dice < 0.24) {
      guarded('a timer', () => world_.advance(chance.below(5_000)));
    } else if (dice < 0.44) {
      const lease = oneOf(world_.openLeases, chance);
      const outcome = oneOf(OUTCOMES, chance)();
      if (lease && outcome.kind !== 'failed') guarded('onHead', () => lease.respond(world_.responseHead(outcome.status || 200)));
      if (lease) guarded('onEnd', () => lease.end(outcome));
    } else {
      transcript.push(pickOnce(step, strategy, world_, chance, { onPick, protocol: options.protocol }, guarded));
    }
    yield;
  }
  for (const lease of world_.openLeases) guarded('onEnd', () => lease.end(answered()));
  return transcript;
}

function pickOnce(
  step: number, strategy: StrategyUnderTest, world_: World, chance: SeededRandom,
  { onPick, protocol }: Pick<ScenarioOptions, 'onPick' | 'protocol'>, guarded: (call: string, run: () => void) => boolean,
): string {
  const { pool, members } = strategy;
  pool.tried.clear();
  // One pick in five is a retry, with one or more backends behind it.
  if (chance.next() < 0.2) for (const { backend } of members) if (chance.next() < 0.3) pool.tried.add(backend);
  const attempts = pool.tried.size;
  const target = `/item/${chance.below(100)}`;
  const exchange: Exchange = protocol === 'tcp' ? world_.exchange({ protocol, attempts }) : world_.exchange({ target, attempts });
  let picked: unknown;
  if (!guarded('select', () => void (picked = strategy.select(exchange)))) return 'threw';
  onPick?.({ step, picked, strategy });
  if (picked === undefined) return 'none';
  const member = members.find(({ backend }) => backend === picked);
  if (!member) return 'rubbish';
  // As in the core: an unavailable pick counts as no opinion.
  if (pool.isAvailable(member.backend)) guarded('onStart', () => void strategy.open(member.backend, exchange));
  return member.backend.address;
}

function changeMembers(members: readonly Member[], world_: World, downShare: number, chance: SeededRandom): Member[] {
  // Now and then a pool of none, one or two: where an index runs off the end.
  const size = chance.next() < 0.25 ? chance.below(3) : 3 + chance.below(10);
  const stay = members.filter(() => chance.next() < 0.7).slice(0, size);
  const fresh = world_.backends(size - stay.length).map((backend) => {
    shake(backend, downShare, chance, world_);
    return { backend, weight: oneOf(WEIGHTS, chance) };
  });
  return chance.next() < 0.5 ? [...stay, ...fresh] : [...fresh, ...stay];
}

function shake(backend: FakeBackend, downShare: number, chance: SeededRandom, world_: World): void {
  const isOut = chance.next() < downShare;
  const how = chance.below(3);
  const from = backend.health;
  backend.health = isOut && how === 0 ? 'down' : chance.next() < 0.2 ? 'unknown' : 'up';
  if (backend.health !== from) world_.hooks.onHealthChange.call({ backend, from, to: backend.health, source: 'check', reason: 'the scenario' });
  backend.draining = isOut && how === 1;
  backend.maxInFlight = isOut && how === 2 ? backend.inFlight : Infinity;
}

function oneOf<T>(choices: readonly T[], chance: SeededRandom): T {
  return choices[chance.below(choices.length)]!;
}

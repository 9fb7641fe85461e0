/** A life in random events: members come, go and change weight, backends fail and fill up, leases open and end. The same seed gives the same life. */
import type { StrategyUse } from '../../define.ts';
import type { Exchange, Member, Outcome } from '../../model.ts';
import type { FakeBackend } from '../backends.ts';
import { aborted, answered, failed } from '../leases.ts';
import { SeededRandom } from '../random.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';
import { factsOf, refuseWrites } from './writes.ts';

/** One call of `select`. Valid while it is visited. */
export interface PickEvent {
  readonly step: number;
  /** Whatever `select` returned. */
  readonly picked: unknown;
  readonly strategy: StrategyUnderTest;
  readonly exchange: Exchange;
}
export interface ScenarioOptions {
  steps?: number;
  protocol?: 'http' | 'tcp';
  onPick?: (pick: PickEvent) => void;
  /** A call threw: `select`, `update`, `onStart` ... `strategy` is absent when `create` did. Default: ignored, another rule is about that. */
  onThrow?: (call: string, thrown: unknown, step: number, strategy: StrategyUnderTest | undefined) => void;
}

/** A combinator may give less than 1. */
const WEIGHTS = [0, 0.001, 0.25, 1, 1, 1, 2, 5, 100];
/** Every way in which a lease ends. */
export const OUTCOMES: readonly (() => Outcome)[] = [
  () => answered(200, { durationMs: 5, firstByteMs: 3 }), () => answered(500), () => answered(0),
  () => failed('connect'), () => failed('send'), () => failed('head'), () => failed('body'),
  () => aborted('client'), () => aborted('balancer'), () => aborted('plugin'),
];
/** Shares of backends that are down, one for each part of the life: all well, some, nearly all. */
const DOWN_SHARES = [0, 0.4, 0.85];
const PART_STEPS = 80;
/** When in every life the wall clock is set a year back, and when the process is stopped for days: by chance alone, a life in ten would see none of that. */
const [SET_BACK_STEP, STOPPED_STEP] = [300, 500];
/** Updates that follow each other without a pick, as when a whole deployment is replaced. */
const STORM_UPDATES = 10;
const DAY_MS = 86_400_000;
const STOPPED_MS = 3 * DAY_MS;
/** How many of those that left may come back. */
const MOST_REMEMBERED = 20;

/** Beyond the bits of an integer, and beyond a number of draws; and weights from 0 to the most that a config takes. */
const CROWDS = [40, 1_000].map((size) => Array.from({ length: size }, () => 1)).concat([[65_535, 1, 0.001, 0, 65_535]]);
const CROWD_PICKS = 20;

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
  let step = 0;
  const guarded = (call: string, run: () => void) => {
    try {
      const before = factsOf(members);
      run();
      refuseWrites(call, members, before);
      return true;
    } catch (thrown) {
      onThrow?.(call, thrown, step, strategy);
      return false;
    }
  };
  let members: Member[] = [];
  if (!guarded('create', () => void (strategy = strategyUnderTest(use, world_)))) return ['threw'];

  // In one life of four the clock stands still.
  const isTimeless = chance.next() < 0.25;
  const left: FakeBackend[] = [];
  let downShare = 0;
  const transcript: string[] = [];
  for (; step < steps; step++) {
    if (step % PART_STEPS === 0) {
      downShare = DOWN_SHARES[(step / PART_STEPS) % DOWN_SHARES.length]!;
      for (const { backend } of members) shake(backend, downShare, chance, world_);
    }
    if (step === SET_BACK_STEP) world_.setWallTime(world_.wallTime() - 365 * DAY_MS);
    if (step === STOPPED_STEP && !isTimeless) guarded('a timer', () => world_.leap(STOPPED_MS));
    const dice = chance.next();
    if (step % PART_STEPS === 0 || dice < 0.04) {
      members = changeMembers(members, left, world_, downShare, chance);
      guarded('update', () => strategy.update(members));
    } else if (dice < 0.042) {
      for (let update = 0; update < STORM_UPDATES; update++) {
        members = changeMembers(members, left, world_, downShare, chance);
        guarded('update', () => strategy.update(members));
      }
    } else if (dice < 0.06) {
      members = members.map(({ backend, weight }) => ({ backend, weight: chance.next() < 0.5 ? weight : oneOf(WEIGHTS, chance) }));
      guarded('update', () => strategy.update(members));
    } else if (dice < 0.2 && members.length > 0) {
      shake(oneOf(members, chance).backend, downShare, chance, world_);
    } else if (dice < 0.24) {
      if (!isTimeless) guarded('a timer', () => passTime(world_, chance));
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
  const clientAddress = `192.0.2.${chance.below(250)}`;
  const target = `/item/${chance.below(100)}?id=${chance.below(100)}`;
  const headers = { host: 'example.test', cookie: `session=${chance.below(50)}` };
  const exchange: Exchange = protocol === 'tcp'
    ? world_.exchange({ protocol, attempts, clientAddress })
    : world_.exchange({ target, attempts, clientAddress, headers });
  let picked: unknown;
  if (!guarded('select', () => void (picked = strategy.select(exchange)))) return 'threw';
  onPick?.({ step, picked, strategy, exchange });
  if (picked === undefined) return 'none';
  const member = members.find(({ backend }) => backend === picked);
  if (!member) return 'rubbish';
  // As in the core: an unavailable pick counts as no opinion.
  if (pool.isAvailable(member.backend)) guarded('onStart', () => void strategy.open(member.backend, exchange));
  return member.backend.address;
}

/** Mostly a few seconds; now and then the process is stopped for days, or somebody sets the wall clock a year back or on. */
function passTime(world_: World, chance: SeededRandom): void {
  const dice = chance.next();
  if (dice < 0.05) world_.leap(chance.below(30 * DAY_MS));
  else if (dice < 0.1) world_.setWallTime(world_.wallTime() + (chance.next() < 0.5 ? -365 : 365) * DAY_MS);
  else world_.advance(chance.below(5_000));
}

function changeMembers(members: readonly Member[], left: FakeBackend[], world_: World, downShare: number, chance: SeededRandom): Member[] {
  // Now and then a pool of none, one or two: where an index runs off the end.
  const size = chance.next() < 0.25 ? chance.below(3) : 3 + chance.below(10);
  const stay = members.filter(() => chance.next() < 0.7).slice(0, size);
  const leave = members.flatMap(({ backend }) => (stay.some((member) => member.backend === backend) ? [] : [backend as FakeBackend]));
  const fresh = Array.from({ length: size - stay.length }, () => {
    const backend = left.length > 0 && chance.next() < 0.3 ? comeBack(left.splice(chance.below(left.length), 1)[0]!, world_) : world_.backends(1)[0]!;
    shake(backend, downShare, chance, world_);
    return { backend, weight: oneOf(WEIGHTS, chance) };
  });
  left.push(...leave);
  left.splice(0, left.length - MOST_REMEMBERED);
  return chance.next() < 0.5 ? [...stay, ...fresh] : [...fresh, ...stay];
}

/** As in the core: with leases open it is still the same one; without, another object with the same id, and nothing is known of it. */
function comeBack(backend: FakeBackend, world_: World): FakeBackend {
  if (backend.inFlight > 0) return backend;
  world_.forget(backend);
  return world_.backends([{ id: backend.id, url: backend.url }])[0]!;
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

/** Picks from pools that no life comes to: large ones, and weights from end to end; with one, three or all of them available. */
export function runCrowds(use: StrategyUse, seed: number, onPick: (pick: PickEvent) => void): void {
  const chance = new SeededRandom(seed ^ 0xc40d);
  for (const weights of CROWDS) {
    const size = weights.length;
    const world_ = world({ seed });
    const strategy = strategyUnderTest(use, world_);
    const backends = world_.backends(weights.map((weight) => ({ weight })));
    strategy.update(backends);
    for (const available of [1, 3, size]) {
      for (const backend of backends) backend.draining = true;
      for (let up = 0; up < available; up++) backends[available === size ? up : chance.below(size)]!.draining = false;
      for (let step = 0; step < CROWD_PICKS; step++) {
        const exchange = world_.exchange({ clientAddress: `192.0.2.${step}` });
        onPick({ step, picked: strategy.select(exchange), strategy, exchange });
      }
    }
  }
}

function oneOf<T>(choices: readonly T[], chance: SeededRandom): T {
  return choices[chance.below(choices.length)]!;
}

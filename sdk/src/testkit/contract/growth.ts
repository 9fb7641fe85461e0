/** Memory that a strategy keeps of leases and backends that are gone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StrategyUse } from '../../define.ts';
import type { Exchange } from '../../model.ts';
import { answered } from '../leases.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';
import { Break } from './rule.ts';

/** Leases before the first measurement: the code is compiled by then. */
const WARM_UP_LEASES = 3_000;
/**
 * Leases of each round. Every round has four times as many as were before it, so that a container that grows by doubling has to do so.
 * A leak grows with the leases; what the compiler or another part of the process keeps meanwhile does not: the second round, which only a
 * suspect comes to, tells them apart.
 */
const ROUNDS = [12_000, 60_000];
/** Every so many leases a backend leaves for good and a new one comes. */
const LEASES_PER_BACKEND = 4;
/** In each round, as long as this in all: a table takes milliseconds to build, and a round has thousands of members that come. */
const MOST_UPDATE_MS = 1_000;
/** The smallest leak is a number pushed to an array. */
const LEAK_BYTES_PER_LEASE = 8;
/**
 * A first round that comes out this close to nothing decides. More that was kept may be a leak; part of one, if somebody else's garbage fell meanwhile
 * and hides the rest; and more that was freed hides a leak as large. Then the next round, five times as long, decides.
 */
const CLEAN_BYTES_PER_LEASE = 2;
/** A million, or as many as that time is enough for, though never fewer than are needed to tell a leak from noise; every so many see a new exchange. */
const PICKS = 1_000_000;
const LEAST_PICKS = 200_000;
const MOST_PICK_MS = 250;
const WARM_UP_PICKS = 50_000;
const PICKS_PER_EXCHANGE = 1_000;
/**
 * A first round that leaves nothing decides. After another one a leak has grown in two rounds at least: a list makes room for half as many again as it
 * holds, so it does not grow in each of them; what the runtime keeps for once grows in one.
 */
const PICK_ROUNDS = 4;
const LEAST_GROWN = 2;
const LEAK_BYTES_PER_PICK = 0.25;
/** Less is the runtime's own, however few the picks were. */
const NOISE_BYTES = 100_000;

/** Collections follow each other until one frees less than this, at most so many. */
const SETTLED_BYTES = 8_192;
const MOST_PASSES = 6;

/** Bytes kept per lease, 0 when there is nothing worth the name; `undefined` where no garbage collection can be asked for (not V8). */
export function bytesKeptPerLease(use: StrategyUse, seed: number): number | undefined {
  const collect = garbageCollector();
  if (!collect) return undefined;
  const world_ = world({ seed });
  const strategy = strategyUnderTest(use, world_);
  strategy.update(world_.backends(8));
  liveThrough(WARM_UP_LEASES, strategy, world_);
  let kept = 0;
  for (const leases of ROUNDS) {
    const before = heapBytes(strategy, collect);
    liveThrough(leases, strategy, world_);
    kept = (heapBytes(strategy, collect) - before) / leases;
    if (Math.abs(kept) < CLEAN_BYTES_PER_LEASE) return 0;
  }
  return kept < LEAK_BYTES_PER_LEASE ? 0 : kept;
}

/** Bytes kept per pick, when nobody comes, goes or ends; as above. Picks alone show what is too little beside a lease. */
export function bytesKeptPerPick(use: StrategyUse, seed: number): number | undefined {
  const collect = garbageCollector();
  if (!collect) return undefined;
  const world_ = world({ seed });
  const strategy = strategyUnderTest(use, world_);
  strategy.update(world_.backends(8));
  pickOn(WARM_UP_PICKS, 0, strategy, world_);
  let grown = 0;
  let most = 0;
  for (let round = 0; round < PICK_ROUNDS; round++) {
    const before = heapBytes(strategy, collect);
    const picks = pickOn(PICKS, LEAST_PICKS, strategy, world_);
    const bytes = heapBytes(strategy, collect) - before;
    const isClean = Math.abs(bytes) < NOISE_BYTES || Math.abs(bytes) < LEAK_BYTES_PER_PICK * picks;
    if (isClean && round === 0) return 0;
    if (isClean || bytes < 0) continue;
    grown++;
    most = Math.max(most, bytes / picks);
  }
  return grown < LEAST_GROWN ? 0 : most;
}

/**
 * At most so many picks as time is enough for, and at least so many.
 * @throws Break at a pick of nothing: everybody is available all the time
 */
function pickOn(picks: number, atLeast: number, { instance, pool }: StrategyUnderTest, world_: World): number {
  const until = performance.now() + MOST_PICK_MS;
  pool.renewVersion();
  let done = 0;
  while (done < picks && (done < atLeast || performance.now() < until)) {
    const exchange = another(world_);
    for (let pick = 0; pick < PICKS_PER_EXCHANGE; pick++) {
      if (instance.select(exchange, pool) === undefined) throw nothingPicked(done + pick);
    }
    done += PICKS_PER_EXCHANGE;
  }
  return done;
}

function nothingPicked(pick: number): Break {
  return new Break({
    seen: `it picked nothing at pick ${pick.toLocaleString('en')}`,
    sample: '8 backends that stay, all of them available, a million picks',
    probably: 'a counter that overflows: 16 bits are 65,536 picks, a signed 32 bits (`| 0`, Int32Array) 2^31, which is minutes of traffic; keep it below the number of members',
  });
}

function liveThrough(leases: number, strategy: StrategyUnderTest, world_: World): void {
  let updateMs = 0;
  for (let count = 0; count < leases; count++) {
    const lease = strategy.pick(another(world_));
    if (count % 4 === 0) world_.advance(1);
    lease?.end(answered(200, { durationMs: 1 }));
    if (count % LEASES_PER_BACKEND !== 0 || updateMs >= MOST_UPDATE_MS) continue;
    const begunAt = performance.now();
    const gone = strategy.members[0]!.backend;
    strategy.update([...strategy.members.slice(1), ...world_.backends(1)]);
    world_.forget(gone);
    updateMs += performance.now() - begunAt;
  }
}

/** Each with an address, a path and a cookie that nobody had before. */
let made = 0;
function another(world_: World): Exchange {
  const key = (++made).toString(16);
  return world_.exchange({ clientAddress: `2001:db8::${key.slice(0, -4)}:${key.slice(-4)}`, target: `/item/${key}?id=${key}`, headers: { host: `host-${key}.example`, cookie: `session=${key}` } });
}

function heapBytes({ host }: StrategyUnderTest, collect: () => void): number {
  // What the kit itself records of the plugin is no leak of the plugin's.
  host.lines.length = 0;
  host.metrics.clear();
  // Some garbage falls only when other garbage has: what is left of the past must not hide what was kept since.
  let least = Infinity;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const isSettled = least - (heapUsed + arrayBuffers) < SETTLED_BYTES;
    least = Math.min(least, heapUsed + arrayBuffers);
    if (isSettled) break;
  }
  return least;
}

/** Looked for once: it takes a context of its own. */
let collector: (() => void) | undefined;

function garbageCollector(): (() => void) | undefined {
  if (collector) return collector;
  try {
    setFlagsFromString('--expose-gc');
    // A collection throws the bytecode of functions away that were not called for long: megabytes, at a moment nobody can foresee.
    setFlagsFromString('--no-flush-bytecode');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect === 'function') collector = collect as () => void;
    return collector;
  } catch {
    return undefined;
  }
}

/** Memory that a strategy keeps of leases and backends that are gone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StrategyUse } from '../../define.ts';
import { answered } from '../leases.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';

/** Leases of one round. */
const LEASES = 8_000;
/** Every so many leases a backend leaves for good and a new one comes: 1,000 in a round. */
const LEASES_PER_BACKEND = 8;
/** The smallest leak is a number pushed to an array, 8 bytes a lease. What the run itself leaves behind is below that (and once, not in each round). */
const LEAK_BYTES = 8 * LEASES;
const ROUNDS = 3;

/**
 * Bytes kept per lease, 0 when there is nothing worth the name; `undefined` where no garbage collection can be asked for (not V8).
 * A leak grows in each of three rounds; what the compiler or another part of the process allocates meanwhile does not.
 */
export function bytesKeptPerLease(use: StrategyUse, seed: number): number | undefined {
  const collect = garbageCollector();
  if (!collect) return undefined;
  const world_ = world({ seed });
  const strategy = strategyUnderTest(use, world_);
  strategy.update(world_.backends(8));
  liveThrough(strategy, world_);
  let least = Infinity;
  let before = heapBytes(strategy, collect);
  for (let round = 0; round < ROUNDS; round++) {
    liveThrough(strategy, world_);
    const after = heapBytes(strategy, collect);
    least = Math.min(least, after - before);
    before = after;
    if (least < LEAK_BYTES) return 0;
  }
  return least / LEASES;
}

function liveThrough(strategy: StrategyUnderTest, world_: World): void {
  for (let count = 0; count < LEASES; count++) {
    const lease = strategy.pick(world_.exchange());
    if (count % 4 === 0) world_.advance(1);
    lease?.end(answered(200, { durationMs: 1 }));
    if (count % LEASES_PER_BACKEND !== 0) continue;
    const gone = strategy.members[0]!.backend;
    strategy.update([...strategy.members.slice(1), ...world_.backends(1)]);
    world_.forget(gone);
  }
}

function heapBytes({ host }: StrategyUnderTest, collect: () => void): number {
  // What the kit itself records of the plugin is no leak of the plugin's.
  host.lines.length = 0;
  host.metrics.clear();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function garbageCollector(): (() => void) | undefined {
  try {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    return typeof collect === 'function' ? (collect as () => void) : undefined;
  } catch {
    return undefined;
  }
}

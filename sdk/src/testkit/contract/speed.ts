/** What a pick costs. Reported, never judged: a machine may be busy. */
import { getHeapStatistics } from 'node:v8';
import type { StrategyUse } from '../../define.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';

/**
 * The cost of a pick in an idle pool of so many backends.
 * @example
 * import type { PickSpeed } from '@steelyard/sdk/testkit';
 * const speed: PickSpeed = measurePicks(roundRobin(), 10);
 * console.log(1e9 / speed.picksPerSecond, 'ns a pick');
 */
export interface PickSpeed {
  readonly backends: number;
  readonly picksPerSecond: number;
  /**
   * Bytes allocated per pick; 0 on a sound data path, and at most 16 for each number drawn from `host.random()`, which V8 may box.
   * `undefined` where the runtime does not count them.
   */
  readonly bytesPerPick: number | undefined;
}

/** At least this long, in one go, after as long a warm-up. */
const MEASURE_MS = 10;
/** The best of them counts: in the others the compiler was at work. */
const ROUNDS = 3;
/** Bytes are counted over so many picks at least: the runtime allocates about 100 KB of its own meanwhile. */
const COUNTED_PICKS = 20_000;
/** What is less per pick than the smallest object is the runtime's own. */
const SMALLEST_OBJECT_BYTES = 16;

/**
 * Measures `select` alone.
 * @example
 * const { picksPerSecond } = measurePicks(roundRobin(), 1_000);
 */
export function measurePicks(use: StrategyUse, backends: number): PickSpeed {
  const w = world();
  const { instance, pool } = filled(use, w, backends);
  const exchange = w.exchange();
  const run = (picks: number) => {
    for (let pick = 0; pick < picks; pick++) instance.select(exchange, pool);
  };
  let picks = 256;
  for (let took = 0; took < MEASURE_MS; picks *= 2) took = timed(() => run(picks));
  let tookMs = Infinity;
  for (let round = 0; round < ROUNDS; round++) tookMs = Math.min(tookMs, timed(() => run(picks)));
  const counted = Math.max(picks, COUNTED_PICKS);
  const before = allocatedBytes();
  run(counted);
  const perPick = (allocatedBytes() - before) / counted;
  return {
    backends,
    picksPerSecond: Math.round((picks * 1_000) / tookMs),
    bytesPerPick: Number.isNaN(perPick) ? undefined : Math.floor(perPick / SMALLEST_OBJECT_BYTES) * SMALLEST_OBJECT_BYTES,
  };
}

function filled(use: StrategyUse, w: World, backends: number): StrategyUnderTest {
  const strategy = strategyUnderTest(use, w);
  strategy.update(w.backends(backends));
  // Nobody comes, goes or fails here: as in the core, the version stays.
  strategy.pool.renewVersion();
  return strategy;
}

function timed(run: () => void): number {
  const from = performance.now();
  run();
  return performance.now() - from;
}

/** All bytes ever allocated on the heap; NaN where the runtime does not count them (Node 26 does). */
function allocatedBytes(): number {
  const statistics: { total_allocated_bytes?: number } = getHeapStatistics();
  return statistics.total_allocated_bytes ?? Number.NaN;
}

/** `p2c: 31 ns a pick with 10 backends, 0 bytes` */
export function describeSpeed(name: string, { backends, picksPerSecond, bytesPerPick }: PickSpeed): string {
  const bytes = bytesPerPick === undefined ? '' : `, ${bytesPerPick} bytes allocated`;
  return `${name}: ${Math.round(1e9 / picksPerSecond)} ns a pick (${picksPerSecond.toLocaleString('en')}/s) with ${backends} backends${bytes}`;
}

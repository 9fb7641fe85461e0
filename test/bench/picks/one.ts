/** One strategy in a process of its own: `one.ts <strategy> <alone|mixed> <rounds>` prints its numbers as JSON. */
import { bytesOf } from './bytes.ts';
import { SIZES } from './options.ts';
import { createStand } from './stand.ts';
import { strategyNames, strategyUse } from './strategies.ts';

export interface Spread {
  median: number;
  /** Quartiles. */
  low: number;
  high: number;
}
export interface Cost {
  backends: number;
  pickNs: Spread;
  /** Begin and end of the exchange on it: in-flight, lease, and what the strategy is told. */
  leaseNs: Spread;
  bytesPerPick: number;
}

const ROUND_MS = 4;
const WARM_UP_MS = 150;
const MIXED_SIZE = 10;
const MIXED_PICKS = 20_000;
const COUNTED_PICKS = 50_000;
const COUNTED_ROUNDS = 3;

const [name = '', mode = '', rounds = ''] = process.argv.slice(2);
if (mode === 'mixed') {
  // As in a process whose pools run different strategies: call sites that all of them share have seen them all.
  for (const other of await strategyNames()) {
    const stand = createStand(await strategyUse(other), MIXED_SIZE);
    stand.pick(MIXED_PICKS);
    stand.lease(MIXED_PICKS);
  }
}
const use = await strategyUse(name);
const costs: Cost[] = [];
for (const size of SIZES) {
  const stand = createStand(use, size);
  const pickNs = measured(stand.pick, Number(rounds));
  const bytesPerPick = bytesOf(stand.pick, COUNTED_PICKS, COUNTED_ROUNDS);
  costs.push({ backends: size, pickNs, bytesPerPick, leaseNs: measured(stand.lease, Number(rounds)) });
}
process.stdout.write(JSON.stringify(costs), () => process.exit());

function measured(run: (count: number) => void, times: number): Spread {
  let count = 64;
  let took = 0;
  for (const from = performance.now(); performance.now() - from < WARM_UP_MS;) {
    took = timed(run, count);
    if (took < ROUND_MS) count *= 2;
  }
  const perCall = Array.from({ length: times }, () => (timed(run, count) * 1e6) / count).toSorted((a, b) => a - b);
  const at = (share: number): number => perCall[Math.min(times - 1, Math.floor(share * times))]!;
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

function timed(run: (count: number) => void, count: number): number {
  const from = performance.now();
  run(count);
  return performance.now() - from;
}

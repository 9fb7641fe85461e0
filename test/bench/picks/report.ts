/** The table of `bench:picks`, and which bars were met. */
import type { Cost } from './one.ts';

export interface Measured {
  strategy: string;
  alone: Cost[];
  /** In a process where every strategy ran before. */
  mixed: Cost[];
}
/** Of one strategy with so many backends: what it may cost, and whether it does not cost more. */
export interface Verdict {
  strategy: string;
  backends: number;
  /** `Infinity` = no bar. */
  mostNs: number;
  tookNs: number;
  tookBytes: number;
  isMet: boolean;
}

/** Nanoseconds of a pick at 10 and at 1,000 backends, after the mixed warm-up. */
const BARS: Record<string, readonly [at10: number, at1000: number]> = {
  'round-robin': [100, 100], random: [100, 100], p2c: [100, 100], maglev: [100, 100], 'ring-hash': [100, 100],
  'weighted-round-robin': [150, 3_000], 'least-connections': [150, 3_000],
};
const BAR_SIZES = [10, 1_000];
/** V8 boxes the fraction that `host.random()` returns where it does not inline the call, which changes from run to run. */
const BOXED_NUMBER_BYTES = 16;
/** Nothing, of the strategies that have a bar; of others a boxed number at the most. */
const mostBytesOf = (strategy: string): number => (strategy in BARS ? 0 : BOXED_NUMBER_BYTES);

export function verdicts(measured: readonly Measured[]): Verdict[] {
  return measured.flatMap(({ strategy, mixed }) => mixed.map(({ backends, pickNs, bytesPerPick }) => {
    const mostNs = BARS[strategy]?.[BAR_SIZES.indexOf(backends)] ?? Infinity;
    return { strategy, backends, mostNs, tookNs: pickNs.median, tookBytes: bytesPerPick, isMet: pickNs.median <= mostNs && bytesPerPick <= mostBytesOf(strategy) };
  }));
}

export function markdown(measured: readonly Measured[], machine: string): string {
  const rows = measured.flatMap(({ strategy, alone, mixed }) => mixed.map((cost, at) => {
    const { mostNs, isMet } = verdicts(measured).find((one) => one.strategy === strategy && one.backends === cost.backends)!;
    const bar = `${mostNs < Infinity ? `${mostNs.toLocaleString('en')} ns, ` : ''}${mostBytesOf(strategy)} B ${isMet ? 'met' : 'MISSED'}`;
    const { low, high } = cost.pickNs;
    return `| ${[strategy, cost.backends, round(alone[at]!.pickNs.median), round(cost.pickNs.median), `${round(low)} to ${round(high)}`, round(cost.leaseNs.median), cost.bytesPerPick, bar].join(' | ')} |`;
  }));
  return `# What a pick costs

Nanoseconds, the median of many short rounds. A pick is what the data path does: the compiled hook, its guard, the strategy, and what it asks the pool, on the
scoreboard that threads share. *Alone*: no other strategy ran in the process. *Mixed*: each of them did before; bars count there. *Lease*: begin and
end of an exchange on the backend, with what the strategy is told of them. No pick may allocate, but for a boxed number of 16 bytes where V8 does not inline the draw by chance; those that \`trace\` tells of, which do, are left out. Weights are 1 to 5 in turn, two leases open per backend, nobody down.

${machine}

| Strategy | Backends | Alone | Mixed | Half of the rounds | Lease | Bytes per pick | Bar |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
${rows.join('\n')}
`;
}

function round(ns: number): string {
  return ns < 10 ? ns.toFixed(1) : Math.round(ns).toLocaleString('en');
}

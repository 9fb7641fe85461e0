/**
 * The weight of one backend by its load reports, as gRPC A58 has it: requests per second for each unit of utilisation, errors counting as load. So two
 * backends with equal utilisation and unequal throughput are used by what they can do.
 */
import type { LoadReport } from './report.ts';

export interface WeightRules {
  /** From the first report on it is not believed for so long: a backend that has just begun has had little to do. Milliseconds. */
  readonly blackoutMs: number;
  /** A report that is older says nothing. Milliseconds. */
  readonly expiryMs: number;
  /** What an error costs, in units of utilisation per share of failed requests. */
  readonly errorPenalty: number;
}

const LEAST_OF_MEDIAN = 0.01;
const MOST_OF_MEDIAN = 10;
/** More than a machine can do: a thousand million requests per second at a millionth of its load. */
const MOST = 1e15;

export class LoadWeight {
  #weight = 0;
  /** `now` of the first report of this run of reports; `Infinity` = none. */
  #since = Infinity;
  #last = -Infinity;

  /** Reports without throughput or without utilisation say nothing. */
  take({ cpuUtilization, applicationUtilization, rps, eps }: LoadReport, now: number, { errorPenalty }: WeightRules): void {
    const utilization = applicationUtilization > 0 ? applicationUtilization : cpuUtilization;
    if (rps <= 0 || utilization <= 0) return;
    // More errors than requests are none of this time's, and a number without end could be added to nothing.
    this.#weight = Math.min(MOST, rps / (utilization + Math.min(1, eps / rps) * errorPenalty));
    this.#last = now;
    if (this.#since === Infinity) this.#since = now;
  }

  /** It was away: what it reports next is not believed at once. */
  restart(): void {
    this.#since = Infinity;
    this.#last = -Infinity;
  }

  /** 0 = nothing is known. */
  at(now: number, { blackoutMs, expiryMs }: WeightRules): number {
    if (now - this.#last >= expiryMs) {
      this.#since = Infinity;
      return 0;
    }
    return now - this.#since < blackoutMs ? 0 : this.#weight;
  }
}

/**
 * A weight for each, 1 being that of the median: who has none gets the mean of the others; where fewer than two have one, all are equal. None is further from
 * the median than its bounds: gRPC has the same ones about the mean, which one backend that reports nonsense moves with it. Parts of the median, because
 * reports of 1e-300 are numbers, too: strategies inside would have to divide by their sum.
 */
export function completed(weights: readonly number[]): number[] {
  const known = weights.filter((weight) => weight > 0).toSorted((a, b) => a - b);
  if (known.length < 2) return weights.map(() => 1);
  // Of two the lower one: it is the higher that takes the traffic of others.
  const median = known[(known.length - 1) >> 1]!;
  const bounded = (weight: number): number => Math.min(MOST_OF_MEDIAN, Math.max(LEAST_OF_MEDIAN, weight / median));
  const mean = known.reduce((sum, weight) => sum + bounded(weight), 0) / known.length;
  return weights.map((weight) => (weight > 0 ? bounded(weight) : mean));
}

/**
 * `peakEwma()`: of two drawn by chance, the one where a request would wait less: its latency, as felt lately, times the requests in flight.
 *
 * Finagle's `PeakEwma` load metric over the power of two choices: sensitive to a peak at once, forgiving slowly. Finagle warns that it breaks down
 * where requests are long by nature (long polling). A pick costs O(choices).
 */
import { defineStrategy, type Backend, type Outcome } from '@steelyard/sdk';
import { Cost } from './cost.ts';
import { DistinctDraw } from './distinct-draw.ts';

export interface PeakEwmaOptions {
  /** How long a peak is remembered: after so long it counts 1/e. Milliseconds, 100 to 600,000; default 10,000. */
  decayMs?: number;
  /** Backends drawn per request, 2 to 8. Default 2. */
  choices?: number;
  /**
   * A failed attempt counts as if it had taken at least so long, or a backend that fails at once would look like the fastest. Milliseconds, 0 to 600,000;
   * default 1,000.
   */
  failureMs?: number;
}

/** A backend of which nothing is known yet gets one request to try it, and no second one before the answer. Finagle's penalty. */
const UNKNOWN_COST_MS = 1e9;

export default defineStrategy<PeakEwmaOptions>({
  name: 'peak-ewma',
  description: 'the shorter wait of two drawn by chance: latency lately x requests in flight',
  options: {
    decayMs: { type: 'integer', minimum: 100, maximum: 600_000, default: 10_000, description: 'how long a peak is remembered' },
    choices: { type: 'integer', minimum: 2, maximum: 8, default: 2, description: 'backends drawn per request' },
    failureMs: { type: 'integer', minimum: 0, maximum: 600_000, default: 1_000, description: 'what a failed attempt counts as, at least' },
  },
  create({ decayMs, choices, failureMs }, host) {
    const costOf = host.perBackend(() => new Cost());
    const draw = new DistinctDraw((count) => Math.floor(host.random() * count));
    let costs: Cost[] = [];

    return {
      update(members) {
        draw.setMembers(members);
        costs = draw.backends.map((backend) => costOf(backend));
      },
      select(_exchange, pool) {
        const now = host.now();
        draw.begin();
        let best: Backend | undefined;
        let bestWait = Infinity;
        for (let drawn = 0; drawn < choices; drawn++) {
          const index = draw.next(pool);
          if (index < 0) break;
          const backend = draw.backends[index]!;
          const wait = waitAt(costs[index]!, backend.inFlight, now, decayMs) / draw.weights[index]!;
          // Of equals the first stays: the order of the draw is chance.
          if (best !== undefined && wait >= bestWait) continue;
          best = backend;
          bestWait = wait;
        }
        return best;
      },
      score: ({ backend, weight }) => waitAt(costOf(backend), backend.inFlight, host.now(), decayMs) / weight,
      onEnd({ backend }, outcome) {
        const sample = sampleOf(outcome, failureMs);
        if (sample >= 0) costOf(backend).observe(sample, host.now(), decayMs);
      },
    };
  },
});

/** In requests x milliseconds. */
function waitAt(cost: Cost, inFlight: number, now: number, decayMs: number): number {
  if (!cost.isKnown) return inFlight === 0 ? 0 : UNKNOWN_COST_MS + inFlight;
  return cost.at(now, decayMs) * (inFlight + 1);
}

/** Milliseconds; -1 = says nothing about the backend. To the first byte: how long the body takes is often the client's doing. */
function sampleOf(outcome: Outcome, failureMs: number): number {
  switch (outcome.kind) {
    case 'aborted':
      return -1;
    case 'failed':
      return Math.max(outcome.durationMs, failureMs);
    default:
      return outcome.firstByteMs < 0 ? outcome.durationMs : outcome.firstByteMs;
  }
}

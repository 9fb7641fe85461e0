/**
 * `leastTime()`: the backend where a request would be answered soonest: mean response time x (1 + requests in flight) / weight.
 *
 * nginx's `least_time`, with what makes it stable there: times are rounded up to steps, so that noise does not send all to one backend; and the mean of a
 * backend that gets nothing is halved now and then, so that one that was slow once gets a second chance. Ties go by chance, by weight. A pick costs O(n).
 */
import { defineStrategy, type Backend } from '@steelyard/sdk';
import { ResponseTime } from './response-time.ts';

export interface LeastTimeOptions {
  /** What counts: to the first byte of the response, or to its last. Default `first-byte`. */
  measure?: 'first-byte' | 'last-byte';
  /** Times are rounded up to whole steps of so many milliseconds, above 0 to 10,000. Default 20. */
  stepMs?: number;
  /** Without a request the mean is halved each time that so long has passed. Milliseconds, 100 to 600,000; default 10,000. */
  forgiveMs?: number;
}

/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export default defineStrategy<LeastTimeOptions>({
  name: 'least-time',
  description: 'the shortest mean response time x requests in flight, for the weight',
  options: {
    measure: { type: 'string', enum: ['first-byte', 'last-byte'], default: 'first-byte', description: 'what counts as the response time' },
    stepMs: { type: 'number', exclusiveMinimum: 0, maximum: 10_000, default: 20, description: 'times are rounded up to such steps' },
    forgiveMs: { type: 'integer', minimum: 100, maximum: 600_000, default: 10_000, description: 'an idle mean is halved each time that so long has passed' },
  },
  create({ measure, stepMs, forgiveMs }, host) {
    const timeOf = host.perBackend(() => new ResponseTime());
    const below = (count: number): number => Math.floor(host.random() * count);
    let backends: Backend[] = [];
    let weights = new Float64Array(0);
    let times: ResponseTime[] = [];
    return {
      update(members) {
        const taking = members.filter(({ weight }) => weight > 0);
        backends = taking.map(({ backend }) => backend);
        weights = Float64Array.from(taking, ({ weight }) => weight);
        times = backends.map((backend) => timeOf(backend));
      },
      select(_exchange, pool) {
        const now = host.now();
        let best: Backend | undefined;
        let bestWait = 0;
        let bestWeight = 0;
        let tiedWeight = 0;
        for (let i = 0; i < backends.length; i++) {
          const backend = backends[i]!;
          if (!pool.isAvailable(backend)) continue;
          const wait = times[i]!.stepsAt(now, forgiveMs, stepMs) * (1 + backend.inFlight);
          const weight = weights[i]!;
          // wait / weight < bestWait / bestWeight, multiplied out: whole numbers that are equal tie exactly.
          const difference = best === undefined ? -1 : wait * bestWeight - bestWait * weight;
          if (difference > 0) continue;
          tiedWeight = difference < 0 ? weight : tiedWeight + weight;
          if (difference === 0 && (below(FINENESS) / FINENESS) * tiedWeight >= weight) continue;
          best = backend;
          bestWait = wait;
          bestWeight = weight;
        }
        return best;
      },
      score: ({ backend, weight }) => (timeOf(backend).stepsAt(host.now(), forgiveMs, stepMs) * (1 + backend.inFlight)) / weight,
      onEnd({ backend }, outcome) {
        // A failure says how long it takes to fail; `passive-check` is there to count them.
        if (outcome.kind !== 'answered') return;
        const sample = measure === 'first-byte' && outcome.firstByteMs >= 0 ? outcome.firstByteMs : outcome.durationMs;
        timeOf(backend).observe(sample, host.now(), forgiveMs);
      },
    };
  },
});

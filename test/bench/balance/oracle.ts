/** The bound: where each request goes to the backend that would be through with it first, by one who knows all work and every move. No packets, no timers. */
import { Antagonists, arrivalsOf, workOf } from './schedule.ts';
import { BACKENDS } from './setting.ts';

/** Latency of each request in the order of the arrivals, ms. */
export function oracleLatencies(seed: number, seconds: number): Float64Array {
  const antagonists = new Antagonists(seed);
  const freeMs = new Float64Array(BACKENDS);
  return arrivalsOf(seed, seconds).map((atMs, request) => {
    const work = workOf(seed, request);
    let best = 0;
    let bestEnd = Infinity;
    for (let backend = 0; backend < BACKENDS; backend++) {
      const end = antagonists.finishOf(backend, Math.max(atMs, freeMs[backend]!), work);
      if (end >= bestEnd) continue;
      best = backend;
      bestEnd = end;
    }
    freeMs[best] = bestEnd;
    return bestEnd - atMs;
  });
}

/**
 * `prequal({ probePath })`: asks backends how loaded they are, ahead of the requests, and picks by requests in flight and latency, not by load.
 *
 * B. Wydrowski et al., "Load is not what you should balance: Introducing Prequal", NSDI 2024 (arXiv:2312.10172), in its asynchronous mode with the
 * parameters of the paper; in-band hints in addition. A pick looks at up to `poolSize` answers and allocates nothing; probes go beside it.
 */
import { defineStrategy, type Backend, type PoolView, type ProbeRequest } from '@steelyard/sdk';
import { parseAnswer } from './answer.ts';
import { ProbePool, usesPerAnswer, type LoadAnswer } from './probe-pool.ts';

export interface PrequalOptions {
  /** Path of the probes, of which the response has the header below. null = no probes: hints in responses only. Default null. */
  probePath?: string | null;
  /** Header in which backends say their load, of probes and of ordinary responses: `rif=12, latency-ms=3.5`. Default `x-load`. */
  header?: string;
  /** Takes the hints out of the responses. Default true. */
  strip?: boolean;
  /** Probes for each request, 0 to 16; default 3. */
  probesPerRequest?: number;
  /** Limit of probes per second of each worker, 1 to 100,000; default 200. Each is a connection of its own. */
  probesPerSecond?: number;
  /** Answers in hand, 2 to 128; default 16. */
  poolSize?: number;
  /** An answer that is older is thrown away. Milliseconds, 10 to 60,000; default 1,000. */
  maxAgeMs?: number;
  /** Backends with more in flight than this quantile of the answers are hot, 0 to 1; default 0.84. 0 = by in-flight alone, 1 = by latency alone. */
  hotQuantile?: number;
}

/** Answers thrown away for each request's probes, and the slack in how often one is used: r_remove and delta of the paper. */
const REMOVALS = 1;
const DELTA = 1;
/**
 * Without probes a backend of which nothing is in hand can say nothing before it gets a request: one in so many requests goes to such a one, if it is idle.
 * Otherwise those that are picked would be the only ones that are known, and be picked for it.
 */
const REQUESTS_PER_TRY = 16;
/** Without probes: each response has a hint, and answers are not thrown away before they are too old, as none come from backends that get nothing. */
const HINTS_PER_REQUEST = 1;
const REMOVALS_OF_HINTS = 0;
/** Below so many answers the choice is no choice: by chance, then. */
const LEAST_ANSWERS = 2;
/** Probes leave in bursts this far apart: never from within a pick. */
const TICK_MS = 5;
const PROBE_LIMIT_MS = 1_000;
/** Backends that do not answer must not pile them up. */
const MOST_UNDER_WAY = 64;
/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export default defineStrategy<PrequalOptions, 'http'>({
  name: 'prequal',
  description: 'probes ahead of the requests; picks by latency among those with few requests in flight',
  protocol: 'http',
  options: {
    probePath: { type: 'string', pattern: '^/[!-~]*$', nullable: true, default: null, description: 'path of the probes; null = hints in responses only' },
    header: { type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", default: 'x-load', description: 'header in which backends say their load' },
    strip: { type: 'boolean', default: true, description: 'takes the hints out of the responses' },
    probesPerRequest: { type: 'number', minimum: 0, maximum: 16, default: 3, description: 'probes for each request' },
    probesPerSecond: { type: 'integer', minimum: 1, maximum: 100_000, default: 200, description: 'limit of probes per second of each worker' },
    poolSize: { type: 'integer', minimum: 2, maximum: 128, default: 16, description: 'answers in hand' },
    maxAgeMs: { type: 'integer', minimum: 10, maximum: 60_000, default: 1_000, description: 'an answer that is older is thrown away' },
    hotQuantile: { type: 'number', minimum: 0, maximum: 1, default: 0.84, description: 'more in flight than this quantile is hot' },
  },
  create({ probePath, header, strip, probesPerRequest, probesPerSecond, poolSize, maxAgeMs, hotQuantile }, host) {
    let answers = new ProbePool({ size: poolSize, maxAgeMs, hotQuantile });
    const results = host.counter('prequal_probes_total', { help: 'Probes by result: answered, or failed (refused, too late, without the header).', labels: ['result'] });
    const picks = host.counter('prequal_picks_total', { help: 'Picks by how: answers, chance (too few answers in hand), or try (a backend that hints only, of which none is in hand).', labels: ['pool', 'by'] });
    const byAnswers = picks.labels(host.pool, 'answers');
    const byDraw = picks.labels(host.pool, 'chance');
    const byTry = picks.labels(host.pool, 'try');
    let backends: readonly Backend[] = [];
    let members: ReadonlySet<Backend> = new Set();
    let weights = new Float64Array(0);
    const below = (count: number): number => Math.floor(host.random() * count);
    /** Probes that are owed to requests. */
    let owed = 0;
    let underWay = 0;
    /** Probes that the limit admits now. */
    let admitted = probesPerSecond;
    /** Answers to be thrown away, in parts of one. */
    let removals = 0;
    let sinceTry = 0;
    /** Whose turn the last try was: one after the other. */
    let tryFrom = 0;
    const hasProbes = probePath !== null && probesPerRequest > 0;
    const supply = hasProbes ? probesPerRequest : HINTS_PER_REQUEST;
    const demand = hasProbes ? REMOVALS : REMOVALS_OF_HINTS;

    const take = (backend: Backend, answer: LoadAnswer): void => {
      if (!members.has(backend)) return; // it left meanwhile
      answers.add(backend, answer, host.now(), usesPerAnswer(poolSize, backends.length, supply, demand, DELTA, host.random()));
    };
    const request: ProbeRequest = { path: probePath ?? '/', maxBodyBytes: 0 };
    const probe = async (backend: Backend): Promise<void> => {
      underWay++;
      const late = new AbortController();
      const forget = host.after(PROBE_LIMIT_MS, () => late.abort());
      try {
        const response = await host.probe(backend, request, AbortSignal.any([host.signal, late.signal]));
        const answer = parseAnswer(response?.headers[header.toLowerCase()]);
        results.add(1, answer === undefined ? 'failed' : 'answered');
        if (answer === undefined) return;
        take(backend, answer);
        // By what arrives, not by requests: where the limit admits few probes, or some fail, a removal for each request would leave none in hand.
        removals = Math.min(poolSize, removals + REMOVALS / probesPerRequest);
      } catch {
        // Whether a backend is up is for health checks to say.
        if (!host.signal.aborted) results.add(1, 'failed');
      } finally {
        forget();
        underWay--;
      }
    };
    const send = (): void => {
      admitted = Math.min(probesPerSecond, admitted + (probesPerSecond * TICK_MS) / 1_000);
      const count = Math.floor(Math.min(owed, admitted, MOST_UNDER_WAY - underWay));
      // What the limit does not admit is not made up for later: an answer is for now.
      owed = Math.min(owed - count, 1);
      admitted -= count;
      const targets = backends.filter((backend) => backend.health !== 'down' && !backend.draining);
      for (let i = 0; i < count && targets.length > 0; i++) {
        const [target] = targets.splice(Math.floor(host.random() * targets.length), 1);
        // Each on its own: the next ones do not wait for a slow one.
        host.after(0, () => probe(target!));
      }
    };
    /** An idle one of which no answer is in hand. */
    const unknown = (pool: PoolView): Backend | undefined => {
      for (let i = 0; i < backends.length; i++) {
        tryFrom = (tryFrom + 1) % backends.length;
        const backend = backends[tryFrom]!;
        if (backend.inFlight === 0 && !answers.has(backend) && pool.isAvailable(backend)) return backend;
      }
      return undefined;
    };
    if (hasProbes) host.every(TICK_MS, send);

    return {
      update(given) {
        const taking = given.filter(({ weight }) => weight > 0);
        backends = taking.map(({ backend }) => backend);
        members = new Set(backends);
        weights = Float64Array.from(taking, ({ weight }) => weight);
        answers.keep(members);
      },
      select(_exchange, pool) {
        if (hasProbes) owed += probesPerRequest;
        if (answers.length > 0) answers.expire(host.now());
        const place = answers.length < LEAST_ANSWERS ? -1 : answers.best(pool);
        if (place < 0) {
          byDraw.add();
          return byChance(backends, weights, pool, below);
        }
        if (!hasProbes && ++sinceTry >= REQUESTS_PER_TRY) {
          const tried = unknown(pool);
          if (tried !== undefined) {
            sinceTry = 0;
            byTry.add();
            return tried;
          }
        }
        byAnswers.add();
        const picked = answers.use(place);
        for (; removals >= 1 && answers.length > LEAST_ANSWERS; removals--) answers.degrade();
        return picked;
      },
      onHead({ backend }, head) {
        const answer = parseAnswer(head.header(header));
        if (answer !== undefined) take(backend, answer);
        if (strip) head.removeHeader(header);
      },
      // The answers in hand go over, with whatever arrives at the old instance still.
      snapshot: () => answers,
      adopt(state) {
        answers = state as ProbePool;
        answers.keep(members);
      },
    };
  },
});

/** By weight among those available. @param below a whole number by chance, uniform over 0 to `count` - 1 */
function byChance(backends: readonly Backend[], weights: Float64Array, pool: PoolView, below: (count: number) => number): Backend | undefined {
  let sum = 0;
  for (let i = 0; i < backends.length; i++) if (pool.isAvailable(backends[i]!)) sum += weights[i]!;
  let left = (below(FINENESS) / FINENESS) * sum;
  let last: Backend | undefined;
  for (let i = 0; i < backends.length; i++) {
    if (!pool.isAvailable(backends[i]!)) continue;
    last = backends[i];
    left -= weights[i]!;
    if (left < 0) return last;
  }
  return last;
}

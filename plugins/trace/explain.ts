/** What a pick could choose from, in words. */
import type { Backend, Exchange, InnerStrategy, PoolView } from '@steelyard/sdk';

export interface Explanation {
  /** Backends that were available. At most `MOST` of them. */
  readonly eligible: readonly Eligible[];
  /** The others, with the reason. Likewise. */
  readonly excluded: readonly { readonly id: string; readonly why: string }[];
  /** Backends that are in neither list: the pool is large. */
  readonly more: number;
}

export interface Eligible {
  readonly id: string;
  readonly inFlight: number;
  /** What the strategy compares by, the least wins; absent if it says nothing. */
  readonly score?: number;
}

/** Of each list: a log line has 4,096 bytes. */
const MOST = 16;

/** Before the strategy picks: its scores are those that it picks by. */
export function explain(pool: PoolView, strategy: Pick<InnerStrategy, 'score'>, exchange: Exchange): Explanation {
  const eligible: Eligible[] = [];
  const excluded: { id: string; why: string }[] = [];
  for (const backend of pool.backends) {
    if (pool.isAvailable(backend)) {
      if (eligible.length < MOST) eligible.push(eligibleOf(backend, strategy.score(backend, exchange)));
    } else if (excluded.length < MOST) {
      excluded.push({ id: backend.id, why: whyNot(backend) });
    }
  }
  return { eligible, excluded, more: pool.backends.length - eligible.length - excluded.length };
}

function eligibleOf({ id, inFlight }: Backend, score: unknown): Eligible {
  // What is shown is to be read: four digits tell two backends apart.
  return typeof score === 'number' && Number.isFinite(score) ? { id, inFlight, score: Number(score.toPrecision(4)) } : { id, inFlight };
}

function whyNot({ health, draining, inFlight, maxInFlight }: Backend): string {
  if (health === 'down') return 'down';
  if (draining) return 'draining';
  if (inFlight >= maxInFlight) return `at its limit of ${maxInFlight}`;
  return health === 'unknown' ? 'not checked yet' : 'tried before';
}

/** `picked=<id>; by=<strategy>; eligible=<id>(in-flight <n> score <n>),...; excluded=<id>(<why>),...`. Anything but visible ASCII is left out: it goes into a header. */
export function describeHeader(strategy: string, picked: Backend | undefined, { eligible, excluded, more }: Explanation): string {
  const parts = [`picked=${picked?.id ?? 'none'}`, `by=${strategy}`, `eligible=${eligible.map(describeEligible).join(',')}`];
  if (excluded.length > 0) parts.push(`excluded=${excluded.map(({ id, why }) => `${id}(${why})`).join(',')}`);
  if (more > 0) parts.push(`more=${more}`);
  return parts.join('; ').replaceAll(/[^ -~]/g, '');
}

function describeEligible({ id, inFlight, score }: Eligible): string {
  return `${id}(in-flight ${inFlight}${score === undefined ? '' : ` score ${score}`})`;
}

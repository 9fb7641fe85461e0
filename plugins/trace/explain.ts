/** What a pick could choose from, in words. */
import type { Backend, PoolView } from '@steelyard/sdk';

export interface Explanation {
  /** Backends that were available, with their requests in flight. At most `MOST` of them. */
  readonly eligible: readonly { readonly id: string; readonly inFlight: number }[];
  /** The others, with the reason. Likewise. */
  readonly excluded: readonly { readonly id: string; readonly why: string }[];
  /** Backends that are in neither list: the pool is large. */
  readonly more: number;
}

/** Of each list: a log line has 4,096 bytes. */
const MOST = 16;

export function explain(pool: PoolView): Explanation {
  const eligible: { id: string; inFlight: number }[] = [];
  const excluded: { id: string; why: string }[] = [];
  for (const backend of pool.backends) {
    if (pool.isAvailable(backend)) {
      if (eligible.length < MOST) eligible.push({ id: backend.id, inFlight: backend.inFlight });
    } else if (excluded.length < MOST) {
      excluded.push({ id: backend.id, why: whyNot(backend) });
    }
  }
  return { eligible, excluded, more: pool.backends.length - eligible.length - excluded.length };
}

function whyNot({ health, draining, inFlight, maxInFlight }: Backend): string {
  if (health === 'down') return 'down';
  if (draining) return 'draining';
  if (inFlight >= maxInFlight) return `at its limit of ${maxInFlight}`;
  return health === 'unknown' ? 'not checked yet' : 'tried before';
}

/** `picked=<id>; by=<strategy>; eligible=<id>:<in flight>,...; excluded=<id>(<why>),...`. Anything but visible ASCII is left out: it goes into a header. */
export function describeHeader(strategy: string, picked: Backend | undefined, { eligible, excluded, more }: Explanation): string {
  const parts = [`picked=${picked?.id ?? 'none'}`, `by=${strategy}`, `eligible=${eligible.map(({ id, inFlight }) => `${id}:${inFlight}`).join(',')}`];
  if (excluded.length > 0) parts.push(`excluded=${excluded.map(({ id, why }) => `${id}(${why})`).join(',')}`);
  if (more > 0) parts.push(`more=${more}`);
  return parts.join('; ').replaceAll(/[^ -~]/g, '');
}

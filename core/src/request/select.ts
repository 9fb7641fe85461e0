/** Step 3: which backend. Taps of plugins are asked first, the pool's strategy last, then core's own order. */
import type { Exchange } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import type { AttemptingExchange } from './attempt.ts';

/**
 * Opens a lease on a backend that is available and was not tried in this exchange.
 * @returns false when there is none; then no lease is open.
 */
export function select(exchange: AttemptingExchange): boolean {
  const { pool, lane, thread } = exchange;
  const asSeenByPlugins = exchange as unknown as Exchange;
  for (;;) {
    const { strategy } = pool;
    if (strategy) strategy.wasAsked = false;
    pool.tried = exchange.tried;
    const picked = lane.hooks.selectBackend?.call(asSeenByPlugins, pool) as BackendState | undefined;
    const backend = picked ?? (pool.wasRefused ? undefined : pool.nextAvailable());
    if (!backend) return false;
    const lease = thread.leases.open(backend, pool, asSeenByPlugins, picked && strategy?.wasAsked ? strategy : undefined, exchange.now());
    if (!lease) {
      // Another worker took the last place below its limit since the strategy looked.
      exchange.tried.push(backend);
      continue;
    }
    // Counted when there is somebody to ask again, not when there is nobody left.
    if (exchange.countAttempt() > 1) thread.metrics.retry(pool.name);
    exchange.lease = lease;
    exchange.backend = backend;
    lease.strategy?.onStart?.(lease);
    return true;
  }
}

/** Step 6: the ends. Every lease and every exchange comes through here exactly once. */
import type { Aborter, ErrorCode, Exchange, Outcome, Phase, Result } from '@steelyard/sdk';
import { ReceivedTrailers } from '../http1/received-trailers.ts';
import type { AttemptingExchange } from './attempt.ts';

type Fate =
  | { kind: 'answered'; status: number; trailers?: Buffer }
  | { kind: 'failed'; phase: Phase; code: ErrorCode; status: number }
  | { kind: 'aborted'; by: Aborter; status: number };

/** Ends the attempt under way, if there is one: the lease is given back, then everybody is told. */
export function settleAttempt(exchange: AttemptingExchange, fate: Fate): void {
  const lease = exchange.lease;
  if (!lease) return;
  exchange.lease = undefined;
  const { thread, lane } = exchange;
  thread.leases.close(lease);
  const { firstByteMs, bytesToBackend, bytesFromBackend } = lease;
  const connectMs = Math.max(0, lease.connectMs);
  const durationMs = exchange.now() - lease.startedAt;
  // The usual fate without a spread, which copies property by property.
  const outcome: Outcome = fate.kind === 'answered'
    ? { kind: 'answered', status: fate.status, trailers: trailersOf(fate.trailers), connectMs, firstByteMs, durationMs, bytesToBackend, bytesFromBackend }
    : { ...fate, connectMs, firstByteMs, durationMs, bytesToBackend, bytesFromBackend };
  const backend = lease.backend;
  // Counted before plugins have it in hand: what they write to it stays among them.
  thread.metrics.attempt(backend, outcome);
  lease.strategy?.onEnd?.(lease, outcome);
  thread.observe(backend, outcome);
  lane.hooks.onAttempt?.call(exchange as unknown as Exchange, backend, outcome);
  thread.leases.recycle(lease);
}

function trailersOf(section: Buffer | undefined): ReceivedTrailers | undefined {
  return section === undefined || section.length === 0 ? undefined : new ReceivedTrailers(section);
}

/** Ends the exchange. After this the object belongs to nobody. */
export function settleExchange(exchange: AttemptingExchange, result: Result): void {
  const { thread, lane, generation } = exchange;
  thread.metrics.exchange(lane.counters, result);
  lane.hooks.onResponse?.call(exchange as unknown as Exchange, result);
  generation.leave();
}

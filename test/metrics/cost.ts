/** What counting costs: `npx node test/metrics/cost.ts [--shared]`. Nanoseconds for `attempt` and `exchange` together, median of rounds. */
import type { Outcome, Result } from '@steelyard/sdk';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { TrafficMetrics } from '../../core/src/metrics/traffic.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';

const CALLS = 1_000_000;
const ROUNDS = 15;

const board = Scoreboard.create({ workers: 0, isShared: process.argv.includes('--shared') });
const traffic = new TrafficMetrics(board);
const counters = ['api', 'web', 'static'].map((route) => traffic.routeCounters('http-80', route));
const backends = [0, 1, 2].map(() => board.allocate()).map((row) => ({ row, id: `p/http://h:${row}`, pool: 'p' }) as BackendState);
const outcomes: Outcome[] = [0.2, 3, 40].map((ms) => ({ kind: 'answered', status: 200, connectMs: 0, firstByteMs: ms, durationMs: ms * 2, bytesToBackend: 100, bytesFromBackend: 900 }));
const results: Result[] = [0.3, 4, 50].map((ms) => ({
  status: 200, backend: undefined, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '', bytesFromClient: 0, bytesToClient: 900, firstByteMs: ms, durationMs: ms * 2,
}));

const times: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const startedAt = performance.now();
  for (let i = 0; i < CALLS; i++) {
    const which = i % 3;
    traffic.attempt(backends[which]!, outcomes[which]!);
    traffic.exchange(counters[which]!, results[which]!);
  }
  times.push(((performance.now() - startedAt) * 1e6) / CALLS);
}
console.log(`attempt + exchange                  ${times.sort((a, b) => a - b)[ROUNDS >> 1]!.toFixed(1)} ns`);

/** Backends and pools without a balancer around them. */
import type { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { ResolvedBackend, ResolvedPool } from '../../core/src/config/resolved.ts';
import { BackendState } from '../../core/src/upstream/backend.ts';
import { Pool } from '../../core/src/upstream/pool.ts';

export function specOf(name: string, more: Partial<ResolvedBackend> = {}): ResolvedBackend {
  const url = `http://${name}:80`;
  return { id: `web/${url}`, url, protocol: 'http', host: name, port: 80, address: `${name}:80`, weight: 1, maxInFlight: Infinity, labels: {}, zone: '', priority: 0, drain: false, ...more };
}

export function backendOf(board: Scoreboard, name: string, more: Partial<ResolvedBackend> = {}): BackendState {
  return new BackendState('web', specOf(name, more), board, () => {});
}

export function poolConfig(more: Partial<ResolvedPool> = {}): ResolvedPool {
  return {
    name: 'web', protocol: 'http', backends: [], strategy: undefined, health: [], unknown: 'unavailable', panicThreshold: 0,
    retry: { attempts: 3, replays: 1, budget: 0.2, budgetPerSecond: 10, retryBufferBytes: 16_384 },
    timeouts: { connectMs: 1, responseMs: 1, bodyMs: 1, idleMs: 1 }, maxIdle: 2, maxResponseHeadBytes: 65_536, plugins: [], ...more,
  };
}

export function poolOf(board: Scoreboard, members: readonly BackendState[], more: Partial<ResolvedPool> = {}, hasActiveCheck = false): Pool {
  const pool = new Pool(poolConfig(more), board, hasActiveCheck);
  pool.setMembers(members);
  return pool;
}

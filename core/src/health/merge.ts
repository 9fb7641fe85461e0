/** What is watched while two generations overlap: the members of both, with the checks of the newer one. */
import type { MonitoredPool } from './monitor.ts';

export function mergeMonitored(older: readonly MonitoredPool[], newer: readonly MonitoredPool[]): MonitoredPool[] {
  const merged = new Map(older.map((pool) => [pool.name, pool]));
  for (const pool of newer) {
    const before = merged.get(pool.name);
    const members = new Set([...pool.members, ...(before?.members ?? [])]);
    merged.set(pool.name, { ...pool, members: [...members] });
  }
  return [...merged.values()];
}

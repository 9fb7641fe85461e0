/** What a balancer says of itself: for people, the command, and tests. */
import type { ThreadGauges } from './board/thread-gauges.ts';
import type { ResolvedPool } from './config/resolved.ts';
import type { BackendState } from './upstream/backend.ts';

export interface BoundListener {
  name: string;
  protocol: 'http' | 'tcp';
  host: string;
  port: number;
}

export interface Description {
  generation: number;
  listeners: BoundListener[];
  pools: { name: string; protocol: string; strategy: string; backends: { id: string; url: string; health: string; weight: number; inFlight: number; marks: string[] }[] }[];
  plugins: string[];
  served: { plugin: string; host: string; port: number }[];
}

/** What must be in balance; for tests and for whoever doubts. */
export interface Ledger extends ThreadGauges {
  inFlight: number;
}

export function describePool({ config, backends }: { config: ResolvedPool; backends: readonly BackendState[] }): Description['pools'][number] {
  return {
    name: config.name,
    protocol: config.protocol,
    strategy: config.strategy?.name ?? 'next available',
    backends: backends.map(({ id, url, health, weight, inFlight, marks }) => ({
      id, url, health, weight, inFlight, marks: marks.map((mark) => `${mark.source}: ${mark.reason}`),
    })),
  };
}

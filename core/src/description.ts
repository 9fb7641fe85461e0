/** What a balancer says of itself: for people, the command, and tests. */
import type { Pool } from './upstream/pool.ts';

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
export interface Ledger {
  leasesOpened: number;
  leasesClosed: number;
  inFlight: number;
  clientConnections: number;
  upstreamConnections: number;
  /** Connections and tunnels under a time-out. */
  deadlines: number;
}

export function describePool(pool: Pool): Description['pools'][number] {
  return {
    name: pool.name,
    protocol: pool.config.protocol,
    strategy: pool.config.strategy?.name ?? 'next available',
    backends: pool.backends.map(({ id, url, health, weight, inFlight, marks }) => ({
      id, url, health, weight, inFlight, marks: marks.map((mark) => `${mark.source}: ${mark.reason}`),
    })),
  };
}

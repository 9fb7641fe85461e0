/** What a thread has open, in the header of the scoreboard: written by that thread when it likes, so it is as old as its last `publish`. */
import { CLIENT_CONNECTIONS, DEADLINES, HEADER_BYTES, LEASES_CLOSED, LEASES_OPENED, UPSTREAM_CONNECTIONS } from './layout.ts';

export interface ThreadGauges {
  leasesOpened: number;
  leasesClosed: number;
  clientConnections: number;
  /** Idle ones and those in use. */
  upstreamConnections: number;
  deadlines: number;
}

/** @param leasesBefore of threads that had the block before, all closed. */
export function writeGauges(numbers: Float64Array, block: number, gauges: ThreadGauges, leasesBefore: number): void {
  const at = gaugesAt(block);
  numbers[at + LEASES_OPENED] = leasesBefore + gauges.leasesOpened;
  numbers[at + LEASES_CLOSED] = leasesBefore + gauges.leasesClosed;
  numbers[at + CLIENT_CONNECTIONS] = gauges.clientConnections;
  numbers[at + UPSTREAM_CONNECTIONS] = gauges.upstreamConnections;
  numbers[at + DEADLINES] = gauges.deadlines;
}

export function readGauges(numbers: Float64Array, block: number): ThreadGauges {
  const at = gaugesAt(block);
  return {
    leasesOpened: numbers[at + LEASES_OPENED]!,
    leasesClosed: numbers[at + LEASES_CLOSED]!,
    clientConnections: numbers[at + CLIENT_CONNECTIONS]!,
    upstreamConnections: numbers[at + UPSTREAM_CONNECTIONS]!,
    deadlines: numbers[at + DEADLINES]!,
  };
}

/** Its thread has ended: what it had open is closed. */
export function closeGauges(numbers: Float64Array, block: number): void {
  const { leasesOpened } = readGauges(numbers, block);
  writeGauges(numbers, block, { leasesOpened, leasesClosed: leasesOpened, clientConnections: 0, upstreamConnections: 0, deadlines: 0 }, 0);
}

function gaugesAt(block: number): number {
  return (block * HEADER_BYTES) / 8;
}

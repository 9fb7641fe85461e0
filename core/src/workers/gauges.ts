/** What a thread has open now; for the ledger of a balancer. */
export interface ThreadGauges {
  leasesOpened: number;
  leasesClosed: number;
  clientConnections: number;
  upstreamConnections: number;
  /** Connections and tunnels under a time-out. */
  deadlines: number;
}

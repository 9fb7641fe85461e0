/** What one data thread has once, and every connection in it uses. */
import type { Outcome } from '@steelyard/sdk';
import { AcceptWatch, type SharedCounts } from './listen/accept-watch.ts';
import type { TrafficMetrics } from './metrics/traffic.ts';
import type { Exchange } from './request/exchange.ts';
import type { EventLog } from './request/event-log.ts';
import { Deadlines } from './sockets/deadlines.ts';
import { OutSlab } from './sockets/out-slab.ts';
import type { SocketEngine } from './sockets/socket.ts';
import type { BackendState } from './upstream/backend.ts';
import { IdleConnections } from './upstream/idle.ts';
import { LeaseTable } from './upstream/leases.ts';

/** What a burst may leave behind. */
const MAX_FREE_EXCHANGES = 1_024;

export class DataThread {
  readonly engine: SocketEngine;
  readonly metrics: TrafficMetrics;
  readonly events: EventLog;
  /** Passive health checks are told of every attempt. */
  readonly observe: (backend: BackendState, outcome: Outcome) => void;
  readonly out = new OutSlab();
  readonly deadlines = new Deadlines();
  readonly idle = new IdleConnections();
  readonly leases = new LeaseTable();
  readonly accepting: AcceptWatch;
  /** Exchange objects that nobody uses now. */
  readonly freeExchanges: Exchange[] = [];
  #connectionIds = 0;
  #exchangeIds = 0;

  constructor(
    engine: SocketEngine,
    metrics: TrafficMetrics,
    events: EventLog,
    observe: (backend: BackendState, outcome: Outcome) => void,
    counts: SharedCounts,
  ) {
    this.engine = engine;
    this.metrics = metrics;
    this.events = events;
    this.observe = observe;
    this.accepting = new AcceptWatch(counts, metrics, this.deadlines);
  }

  /** The exchange has nothing of its last use any more. */
  giveBack(exchange: Exchange): void {
    if (this.freeExchanges.length < MAX_FREE_EXCHANGES) this.freeExchanges.push(exchange);
  }

  nextConnectionId(): number {
    return ++this.#connectionIds;
  }
  nextExchangeId(): number {
    return ++this.#exchangeIds;
  }
}

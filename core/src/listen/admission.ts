/**
 * Who gets in at one listener: each connection that the system gives us is served, refused, or has to wait. While one has to wait, or the next
 * one would, nothing is accepted: it waits in the system's queue, whose length is `backlog`.
 */
import type { DataThread } from '../data-thread.ts';
import type { ListenerPlan } from '../generation.ts';
import { ADDRESS_CONNECTIONS, CONNECTIONS, DESCRIPTORS, LIMIT_NAMES, LOOP_DELAY, NEW_CONNECTIONS, TOTAL_CONNECTIONS } from '../limits.ts';
import { parseAddress } from '../request/address.ts';
import type { Pauses } from '../sockets/accepts.ts';
import type { Socket } from '../sockets/socket.ts';
import { TokenBucket } from './token-bucket.ts';

/** Instead of an address's cells: it is not counted, or it has too many connections. */
const UNCOUNTED = -1;
const REFUSED = -2;

/** What an open connection holds, until `left`. */
export interface Admitted {
  /** Of the listener as it was called then. */
  readonly row: number;
  readonly cells: number;
}

export class Admission {
  readonly #thread: DataThread;
  readonly #serve: (socket: Socket, admitted: Admitted) => void;
  readonly #rate = new TokenBucket();
  #plan: ListenerPlan;
  #door: Pauses | undefined;
  /** A bit for each limit for which nothing is accepted. */
  #reasons = 0;
  #isServing = false;
  /** Accepted, and not served yet. */
  #held: Socket[] = [];

  constructor(thread: DataThread, plan: ListenerPlan, serve: (socket: Socket, admitted: Admitted) => void) {
    this.#thread = thread;
    this.#plan = plan;
    this.#serve = serve;
  }

  /** It listens; what comes is held until `open`. */
  bound(door: Pauses): void {
    this.#door = door;
  }

  /** From now on connections are served, those held first. */
  open(): void {
    this.follow(this.#plan);
    this.#isServing = true;
    this.#thread.accepting.opened(this);
    this.#takeHeld();
  }

  /** The limits of the next generation. Who is in stays in. */
  follow(plan: ListenerPlan): void {
    this.#plan = plan;
    const { accepting, deadlines } = this.#thread;
    const { maxConnections, maxNewConnectionsPerSecond } = plan.config.limits;
    accepting.configure(plan.generation.config);
    accepting.board.setLimit(plan.limits.row, maxConnections);
    this.#rate.configure(maxNewConnectionsPerSecond / accepting.shares, deadlines.readClock());
  }

  close(): void {
    this.#isServing = false;
    this.#thread.accepting.closed(this);
    for (const socket of this.#held) socket.destroy();
    this.#held = [];
  }

  /** The system has accepted a connection. */
  offer(socket: Socket): void {
    if (!this.#isServing || this.#reasons !== 0 || this.#held.length > 0) return this.#hold(socket);
    if (!this.#consider(socket)) this.#hold(socket);
  }

  #hold(socket: Socket): void {
    if (this.#held.length < this.#plan.config.backlog) {
      socket.pause();
      this.#held.push(socket);
      return;
    }
    // Only where accepting cannot be paused, or the switch to a new config takes long.
    if (this.#reasons !== 0) this.#hit(31 - Math.clz32(this.#reasons));
    socket.reset();
  }

  /** False: it has to wait, and nothing was counted for it. */
  #consider(socket: Socket): boolean {
    const { accepting, deadlines } = this.#thread;
    const { board, total, addresses } = accepting;
    const { row } = this.#plan.limits;
    if (socket.descriptor >= accepting.lastDescriptor) {
      socket.reset();
      accepting.exhausted();
      return true;
    }
    // It was reset before we came to it. If its close was told, nobody will tell it again, and its place would be taken for ever. Else what it
    // sent could still be read, and the system does not know any more whose that was: it would pass every rule that goes by addresses.
    if (socket.isGone || socket.remoteAddress === '') {
      socket.destroy();
      return true;
    }
    const cells = this.#countAddress(socket.remoteAddress);
    if (cells === REFUSED) {
      socket.reset();
      return true;
    }
    const isInOwn = board.acquire(row);
    const isInAll = isInOwn && board.acquire(total.row);
    if (isInAll && this.#rate.take(deadlines.readClock())) {
      this.#serve(socket, { row, cells });
      this.#pauseWhereFull();
      return true;
    }
    if (isInAll) board.giveBack(total.row);
    if (isInOwn) board.giveBack(row);
    if (cells !== UNCOUNTED) addresses.remove(cells);
    this.#pauseWhereFull();
    return false;
  }

  /** Cells of the table of addresses, `UNCOUNTED` or `REFUSED`. */
  #countAddress(remoteAddress: string): number {
    const { limits, trustedProxies, config } = this.#plan;
    const { maxConnectionsPerAddress } = config.limits;
    if (maxConnectionsPerAddress === Infinity) return UNCOUNTED;
    const address = parseAddress(remoteAddress);
    if (address === undefined || trustedProxies.hasParsed(address)) return UNCOUNTED;
    const cells = this.#thread.accepting.addresses.add(address, limits.row, maxConnectionsPerAddress);
    if (cells >= 0) return cells;
    this.#hit(ADDRESS_CONNECTIONS);
    this.#thread.events.limited('address_connections', { listener: config.name, client: remoteAddress }, `${remoteAddress} has ${maxConnectionsPerAddress} connections to listener ${config.name} (maxConnectionsPerAddress): refused`);
    return REFUSED;
  }

  /** The next one would have to wait. */
  #pauseWhereFull(): void {
    const { board, total } = this.#thread.accepting;
    const { limits, config, generation } = this.#plan;
    if (!board.belowLimit(limits.row)) this.pauseFor(CONNECTIONS, `${config.limits.maxConnections} connections are open (limits.maxConnections)`);
    if (!board.belowLimit(total.row)) this.pauseFor(TOTAL_CONNECTIONS, `${generation.config.maxConnections} connections are open in all (maxConnections)`);
    if (!this.#rate.has(this.#thread.deadlines.now)) this.pauseFor(NEW_CONNECTIONS, `${config.limits.maxNewConnectionsPerSecond} came in a second (limits.maxNewConnectionsPerSecond)`);
  }

  /** Nothing is accepted, for this limit. @param why ends the sentence of the log. */
  pauseFor(limit: number, why: string): void {
    if (!this.#isServing || (this.#reasons & (1 << limit)) !== 0) return;
    const { name } = this.#plan.config;
    this.#hit(limit);
    this.#thread.events.limited(LIMIT_NAMES[limit]!, { listener: name }, `listener ${name} does not accept for now: ${why}`);
    if (this.#reasons === 0) {
      this.#door?.pause();
      this.#thread.accepting.paused(this);
    }
    this.#reasons |= 1 << limit;
  }

  #hit(limit: number): void {
    this.#thread.metrics.limitHit(this.#plan.limits, limit);
  }

  /** Accepts again if nothing is against it any more. @param isInTime the event loop is */
  lookAgain(isInTime: boolean): void {
    const { accepting, deadlines } = this.#thread;
    const { board, total } = accepting;
    let gone = isInTime ? 1 << LOOP_DELAY : 0;
    if (board.belowLimit(this.#plan.limits.row)) gone |= 1 << CONNECTIONS;
    if (board.belowLimit(total.row)) gone |= 1 << TOTAL_CONNECTIONS;
    if (this.#rate.has(deadlines.now)) gone |= 1 << NEW_CONNECTIONS;
    if (!accepting.isExhausted) gone |= 1 << DESCRIPTORS;
    if (this.#reasons === 0 || (this.#reasons & ~gone) !== 0) {
      this.#reasons &= ~gone;
      return;
    }
    this.#reasons = 0;
    this.#takeHeld();
    // One of those may have filled it again.
    if (this.#reasons !== 0) return;
    accepting.resumed(this);
    this.#door?.resume();
  }

  #takeHeld(): void {
    while (this.#held.length > 0 && this.#reasons === 0) {
      const socket = this.#held.shift()!;
      if (this.#consider(socket)) continue;
      this.#held.unshift(socket);
      return;
    }
  }

  /** A connection has closed: there is room for another one. */
  left({ row, cells }: Admitted): void {
    const { board, total, addresses } = this.#thread.accepting;
    board.giveBack(row);
    board.giveBack(total.row);
    if (cells !== UNCOUNTED) addresses.remove(cells);
    if (this.#reasons !== 0) this.lookAgain(false);
  }
}

/**
 * Step 1: a client's connection. Bytes come in; whole heads begin exchanges, one at a time, in order;
 * what comes too early (a pipelined request, a body nobody can take yet) waits in `#waiting`.
 */
import type { DataThread } from '../data-thread.ts';
import { ClientConnection } from '../listen/client-connection.ts';
import type { Admitted } from '../listen/admission.ts';
import type { Listener } from '../listen/listener.ts';
import type { Generation, ListenerPlan } from '../generation.ts';
import { endsHead } from '../http1/request-head.ts';
import type { Timed } from '../sockets/deadlines.ts';
import type { Socket, SocketHandler } from '../sockets/socket.ts';
import { HEAD_TIME, IDLE_TIME, PIPELINED_BYTES, REQUESTS_PER_CONNECTION } from '../limits.ts';
import { Exchange } from './exchange.ts';
import { clientDrained, clientTimedOut, exchangeTimedOut, headTimedOut, RequestClock } from './patience.ts';
import { connect } from './connect.ts';
import { ForwardingLines } from './forwarding.ts';

/** After our last byte the client may still be sending: so much is read and dropped, then nothing is read until `LINGER_MS` are over (RFC 9112 §9.6). */
const LINGER_BYTES = 65_536;
const LINGER_MS = 2_000;
/** Requests of one pipeline that are begun in one turn of the event loop: those that need no backend would hold up everybody else, 64 KiB of them for 80 ms. */
const MOST_IN_A_TURN = 32;
const NOTHING = Buffer.alloc(0);

export class HttpConnection extends ClientConnection implements SocketHandler, Timed {
  readonly protocol = 'http' as const;
  deadline = Infinity;
  deadlineIndex = -1;
  /** The response under way is the last one, and says so. */
  isDraining = false;
  #exchange: Exchange | undefined;
  #lines: ForwardingLines | undefined;
  #waiting = NOTHING;
  /** What waited is being read: that `#waiting` is empty says nothing. */
  #isReadingWaiting = false;
  /** How much of `#waiting` was there at the last vain look for a head: looking again pays only when that doubled, or at a head's end. */
  #lookedAt = 0;
  /** It has begun as many as it may in this turn; the next one goes on. */
  #isResting = false;
  /** Begun so far. */
  #requests = 0;
  /** Where an exchange may take only so long. */
  #clock: RequestClock | undefined;
  #isAdmitted = false;
  /** Nothing that comes is read any more. */
  #isClosing = false;
  #isLingering = false;
  #lingered = 0;
  /** The client has said FIN: what waits is all that there will be. */
  #hasEnded = false;
  #hasClosed = false;

  constructor(thread: DataThread, listener: Listener, socket: Socket, admitted: Admitted) {
    super(thread, listener, socket, admitted);
    socket.handler = this;
    thread.deadlines.add(this);
  }

  /** The config that the exchange under way runs under. */
  get generation(): Generation | undefined {
    return this.#exchange?.generation;
  }

  /** Asks `onConnect`, then reads. */
  open(): void {
    this.deadline = this.thread.deadlines.in(this.plan.config.timeouts.headMs);
    connect(this);
  }

  /** `onConnect` has nothing against it. */
  admit(): void {
    if (this.#hasClosed) return; // it left, or was cut, while a plugin thought about it
    this.#isAdmitted = true;
    this.thread.deadlines.readClock();
    if (this.#waiting.length > 0) this.#readWaiting();
  }

  onOpen(): void {}
  onBytes(bytes: Buffer, start: number, end: number): void {
    this.thread.deadlines.readClock();
    if (this.#isLingering) return this.#linger(end - start);
    if (!this.#isAdmitted) return this.#wait(bytes, start, end);
    if (this.#waiting.length > 0) {
      this.#wait(bytes, start, end);
      if (this.#exchange === undefined || this.#exchange.takesBody) this.#readWaiting();
      return;
    }
    const rest = this.#read(bytes, start, end);
    if (rest < end) this.#wait(bytes, rest, end);
  }

  /** Takes whole heads and body bytes; returns where that had to stop. */
  #read(bytes: Buffer, at: number, end: number): number {
    for (let begunNow = 0; at < end && !this.#isClosing; ) {
      const exchange = this.#exchange;
      if (exchange) {
        if (!exchange.takesBody) return at;
        at = exchange.takeBody(bytes, at, end);
        if (this.#exchange === exchange) return at; // still under way: what is left has to wait for its end
        continue;
      }
      if (begunNow++ === MOST_IN_A_TURN) return this.#rest(at);
      const begun = this.#begin(bytes, at, end);
      if (begun === at) return at;
      at = begun;
    }
    return this.#isClosing ? end : at;
  }

  #rest(at: number): number {
    this.#isResting = true;
    this.socket.pause();
    setImmediate(() => {
      this.#isResting = false;
      this.#goOn();
    });
    return at;
  }

  /** Begins the exchange whose head starts at `at`; returns the position behind what was used, `at` = the head is not complete. */
  #begin(bytes: Buffer, at: number, end: number): number {
    const plan = this.plan;
    const exchange = this.thread.freeExchanges.pop() ?? new Exchange();
    const behindHead = exchange.request.parse(bytes, at, end, plan.config.limits);
    if (behindHead === 0) {
      this.thread.freeExchanges.push(exchange);
      return at;
    }
    this.deadline = Infinity;
    this.#lookedAt = 0;
    this.#exchange = exchange;
    const { limits, timeouts } = plan.config;
    if (++this.#requests === limits.maxRequestsPerConnection) {
      this.isDraining = true;
      this.#hit(REQUESTS_PER_CONNECTION);
    }
    if (timeouts.requestMs !== Infinity) (this.#clock ??= new RequestClock(this.thread, () => this.#exchange && exchangeTimedOut(this.#exchange))).start(timeouts.requestMs);
    exchange.begin(this, plan);
    if (behindHead < 0) {
      exchange.refuseHead();
      return end;
    }
    return exchange.start(bytes, behindHead, end);
  }

  #hit(limit: number): void {
    this.thread.metrics.limitHit(this.plan.limits, limit);
  }

  #wait(bytes: Buffer, start: number, end: number): void {
    const fresh = bytes.subarray(start, end);
    this.#waiting = this.#waiting.length === 0 ? Buffer.from(fresh) : Buffer.concat([this.#waiting, fresh]);
    if (this.#exchange) {
      // A client that pipelines further than this has to wait itself.
      if (this.#waiting.length < this.plan.config.limits.maxPipelinedBytes) return;
      this.socket.pause();
      if (this.#exchange.body.isComplete) this.#hit(PIPELINED_BYTES);
      return;
    }
    // The beginning of a head: it has so long to be completed.
    if (this.#lookedAt === 0 && this.#isAdmitted) {
      this.#lookedAt = this.#waiting.length;
      this.deadline = this.thread.deadlines.in(this.plan.config.timeouts.headMs);
    }
  }

  #readWaiting(): void {
    const waiting = this.#waiting;
    if (!this.#exchange && this.#lookedAt > 0 && waiting.length < 2 * this.#lookedAt && !endsHead(waiting, Math.max(0, this.#lookedAt - 3), waiting.length)) return;
    this.#waiting = NOTHING;
    this.#isReadingWaiting = true;
    const rest = this.#read(waiting, 0, waiting.length);
    this.#isReadingWaiting = false;
    if (rest < waiting.length) {
      // `#read` may not have filled it meanwhile: while it runs, nothing comes in.
      this.#waiting = waiting.subarray(rest);
      if (!this.#exchange && !this.#isResting) {
        if (this.#hasEnded) return this.close(); // half a head before a FIN: its other half will not come
        if (this.#lookedAt === 0) this.deadline = this.thread.deadlines.in(this.plan.config.timeouts.headMs);
        this.#lookedAt = this.#waiting.length;
        // It may have been paused over a long pipeline, of which only the beginning of a head is left: its end must be read.
        this.socket.resume();
      }
      return;
    }
    this.#lookedAt = 0;
    if (this.#hasEnded && !this.#exchange) return this.close();
    // A pipelined request with half a body before a FIN: its other half will not come either.
    if (this.#hasEnded && this.#exchange?.body.isComplete === false) return this.#exchange.clientEnded();
    if (!this.#isClosing) this.socket.resume();
  }

  /** The exchange can take body bytes now. */
  bodyWanted(): void {
    if (this.#waiting.length > 0) this.#readWaiting();
    else this.socket.resume();
  }
  /** The exchange is over, in whatever way. */
  release(): void {
    this.#exchange = undefined;
    this.#clock?.stop();
  }

  /** The exchange has ended in order; the next request may come. */
  next(keepAlive: boolean): void {
    if (this.#hasClosed) return;
    const isLast = this.#hasEnded && this.#waiting.length === 0 && !this.#isReadingWaiting;
    if (!keepAlive || isLast || this.isDraining || this.#isClosing) return this.close();
    this.deadline = this.thread.deadlines.in(this.plan.config.timeouts.idleMs);
    // Not from here: `next` may be called from inside `#read`, which goes on by itself.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#goOn());
    else this.socket.resume();
  }

  /** The lines of our own in each forwarded request; kept while the listener's plan is the same. */
  forwardingLines(plan: ListenerPlan): ForwardingLines {
    if (!this.#lines?.isFor(plan)) this.#lines = new ForwardingLines(plan, this.remoteAddress);
    return this.#lines;
  }

  #goOn(): void {
    if (this.#exchange || this.#isResting || this.#hasClosed || this.#isClosing || this.#waiting.length === 0) return;
    this.#lookedAt = 0;
    this.#readWaiting();
  }

  /** The exchange is over and the rest of the connection is a tunnel: the socket belongs to it from now on. Returns what already came of it. */
  handOver(): { fromClient: Buffer; clientHasEnded: boolean } {
    const fromClient = this.#waiting;
    this.#waiting = NOTHING;
    this.deadline = Infinity;
    this.#clock?.stop();
    return { fromClient, clientHasEnded: this.#hasEnded };
  }

  /** FIN behind what was sent, then what the client still sends is read and dropped for a while. */
  close(): void {
    if (this.#hasClosed || this.#isLingering) return;
    this.#isClosing = true;
    this.#isLingering = true;
    this.#waiting = NOTHING;
    this.socket.shutdown();
    this.socket.resume();
    this.deadline = this.thread.deadlines.in(LINGER_MS);
  }
  /** The response was broken off: the client must see that it is not whole. */
  abandon(): void {
    this.socket.reset();
  }

  #linger(size: number): void {
    this.#lingered += size;
    // Not destroyed: bytes that nobody read make the kernel send a reset, and that would overtake our response. TCP's window holds the client.
    if (this.#lingered > LINGER_BYTES) this.socket.pause();
  }

  /** Stop or removal of the listener: an idle connection ends now, a busy one after its response. */
  drain(): void {
    this.isDraining = true;
    if (!this.#exchange && this.#waiting.length === 0) this.close();
  }
  /** The drain limit is over. */
  cut(): void {
    const exchange = this.#exchange;
    if (!exchange) return this.socket.destroy();
    exchange.cut();
    // A FIN behind half a response would say to HTTP/1.0 that this was all of it.
    this.socket.reset();
  }

  onEnd(): void {
    this.thread.deadlines.readClock();
    if (this.#isLingering || !this.#exchange) return this.socket.destroy();
    this.#hasEnded = true;
    this.#exchange.clientEnded();
  }
  onDrain(): void {
    this.thread.deadlines.readClock();
    if (this.#exchange) clientDrained(this.#exchange);
  }
  onClose(): void {
    this.#hasClosed = true;
    this.thread.deadlines.remove(this);
    this.#clock?.end();
    this.#exchange?.clientGone();
    this.leave();
  }
  onDeadline(): void {
    if (this.#isLingering) return this.socket.destroy();
    if (this.#exchange) return clientTimedOut(this.#exchange);
    if (this.#waiting.length === 0) {
      this.#hit(this.#requests === 0 ? HEAD_TIME : IDLE_TIME);
      return this.close();
    }
    // A head was begun and not completed.
    this.#exchange = this.thread.freeExchanges.pop() ?? new Exchange();
    headTimedOut(this.#exchange, this);
  }
}

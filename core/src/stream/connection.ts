/** A client's connection on a tcp listener: it is its own exchange, and takes the same road as a request does. */
import type { ErrorCode, TcpExchange } from '@steelyard/sdk';
import type { DataThread } from '../data-thread.ts';
import type { Generation } from '../generation.ts';
import { ClientConnection } from '../listen/client-connection.ts';
import type { Admitted } from '../listen/admission.ts';
import type { Listener } from '../listen/listener.ts';
import { AttemptingExchange } from '../request/attempt.ts';
import { connect } from '../request/connect.ts';
import { HeldBody } from '../request/held-body.ts';
import { select } from '../request/select.ts';
import { settleAttempt, settleExchange } from '../request/settle.ts';
import type { Socket, SocketHandler } from '../sockets/socket.ts';
import { isExhaustion } from '../sockets/system-error.ts';
import { TUNNEL_IDLE_TIME } from '../limits.ts';
import { UpstreamConnection, type UpstreamUser } from '../upstream/connection.ts';
import { Tunnel, type TunnelEnd } from './tunnel.ts';

/** What a client may send before its backend is connected. Behind that it waits in the kernel, where neither its FIN nor its reset is seen. */
const EARLY_LIMIT_BYTES = 65_536;

class StreamExchange extends AttemptingExchange implements TcpExchange {
  readonly protocol = 'tcp' as const;
  readonly request = undefined;
  readonly route = undefined;

  constructor() {
    super();
    Object.seal(this);
  }

  begin(connection: StreamConnection, id: number): void {
    this.identify(connection, id, connection.openedAt);
  }
}

export class StreamConnection extends ClientConnection implements SocketHandler, UpstreamUser {
  readonly protocol = 'tcp' as const;
  readonly #exchange = new StreamExchange();
  #upstream: UpstreamConnection | undefined;
  #tunnel: Tunnel | undefined;
  /** What came before a backend was connected; most clients send nothing so early, or are not yet read. */
  #early: HeldBody | undefined;
  #clientHasEnded = false;
  #tunnelMs = 0;
  #lastFailure: { code: ErrorCode; detail: string } | undefined;
  #code: ErrorCode | '' = '';
  #hasClosed = false;
  #isBegun = false;
  #isOver = false;

  constructor(thread: DataThread, listener: Listener, socket: Socket, admitted: Admitted) {
    super(thread, listener, socket, admitted);
    socket.handler = this;
  }

  open(): void {
    connect(this);
  }

  /** `onConnect` has nothing against it: a backend is looked for. */
  admit(): void {
    if (this.#hasClosed) return; // it was cut while a plugin thought about it
    const { plan } = this;
    if (plan.config.protocol !== 'tcp') return this.socket.reset(); // a reload meanwhile has made the listener an http one
    const exchange = this.#exchange;
    exchange.begin(this, this.thread.nextExchangeId());
    exchange.thread = this.thread;
    exchange.generation = plan.generation;
    exchange.lane = plan.unrouted;
    this.#tunnelMs = plan.config.timeouts.tunnelMs;
    this.#isBegun = true;
    exchange.generation.enter();
    exchange.pool.budget.deposit(exchange.startedAt);
    this.#attempt();
  }

  #attempt(): void {
    const exchange = this.#exchange;
    if (!select(exchange)) {
      const { code, detail } = this.#lastFailure ?? { code: 'ERR_NO_BACKEND', detail: `no backend of pool ${exchange.pool.name} is available` };
      return this.#fail(code, detail);
    }
    const { engine, deadlines, idle } = this.thread;
    this.#upstream = new UpstreamConnection(engine, deadlines, idle, exchange.lease!.backend, this);
    this.#upstream.deadline = deadlines.in(exchange.pool.config.timeouts.connectMs);
  }

  onUpstreamOpen(): void {
    const exchange = this.#exchange;
    const upstream = this.#upstream!;
    exchange.lease!.connectMs = exchange.now() - exchange.lease!.startedAt;
    upstream.deadline = Infinity;
    this.#tunnel = new Tunnel(this.thread, this.socket, upstream.socket, this.#tunnelMs, (by) => this.#tunnelEnded(by));
    this.#tunnel.begin({ fromClient: this.#early?.bytes.subarray(0, this.#early.length), clientHasEnded: this.#clientHasEnded });
    this.#forgetEarly();
  }

  onUpstreamGone(error: Error | undefined): void {
    this.#upstream = undefined;
    if (error && isExhaustion(error)) return this.#exhausted(error.message);
    this.#connectFailed('ERR_UPSTREAM_CONNECT', error?.message ?? 'closed at once');
  }

  onUpstreamDeadline(): void {
    this.#upstream?.destroy();
    this.#upstream = undefined;
    this.#connectFailed('ERR_UPSTREAM_CONNECT_TIMEOUT', `no connection within ${this.#exchange.pool.config.timeouts.connectMs} ms`);
  }

  /** Nothing was written to it, so another may be tried. */
  #connectFailed(code: ErrorCode, detail: string): void {
    const exchange = this.#exchange;
    const backend = exchange.backend!;
    exchange.tried.push(backend);
    this.thread.events.attemptFailed(code, detail, { exchange: exchange.id, backend: backend.id, phase: 'connect', attempt: exchange.attempts });
    settleAttempt(exchange, { kind: 'failed', phase: 'connect', code, status: 0 });
    this.#lastFailure = { code, detail };
    if (exchange.attempts >= exchange.pool.config.retry.attempts) return this.#fail(code, detail);
    this.#attempt();
  }

  /** We have no descriptor left: that is not the backend's fault, and another one would not help. */
  #exhausted(detail: string): void {
    this.thread.accepting.exhausted();
    settleAttempt(this.#exchange, { kind: 'aborted', by: 'balancer', status: 0 });
    this.#fail('ERR_DESCRIPTORS', detail);
  }

  #fail(code: ErrorCode, detail: string): void {
    const { id, clientAddress, attempts, backend } = this.#exchange;
    this.thread.events.answered(code, detail, { exchange: id, listener: this.listener, client: clientAddress, status: 503, backend: backend?.id, attempts });
    this.#code = code;
    this.#settle('balancer');
    this.socket.reset();
  }

  #tunnelEnded(by: TunnelEnd): void {
    const exchange = this.#exchange;
    const lease = exchange.lease!;
    const upstream = this.#upstream!;
    const tunnel = this.#tunnel!;
    lease.bytesToBackend = tunnel.bytesFromClient;
    lease.bytesFromBackend = tunnel.bytesToClient;
    lease.firstByteMs = tunnel.firstByteMs(lease.startedAt);
    upstream.user = undefined;
    upstream.onClose(undefined);
    this.#upstream = undefined;
    if (by === 'nobody') {
      settleAttempt(exchange, { kind: 'answered', status: 0 });
      this.#settle(undefined);
    } else if (by === 'backend') {
      this.#code = 'ERR_UPSTREAM_CLOSED';
      this.thread.events.attemptFailed(this.#code, 'the backend reset the connection', { exchange: exchange.id, backend: upstream.backend.id, phase: 'body', attempt: exchange.attempts });
      settleAttempt(exchange, { kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_CLOSED', status: 0 });
      this.#settle('backend');
    } else {
      if (by === 'idle') this.thread.metrics.limitHit(this.plan.limits, TUNNEL_IDLE_TIME);
      this.#code = by === 'client' ? 'ERR_CLIENT_CLOSED' : by === 'idle' ? 'ERR_TUNNEL_IDLE' : 'ERR_DRAIN_LIMIT';
      const aborter = by === 'client' ? 'client' : 'balancer';
      settleAttempt(exchange, { kind: 'aborted', by: aborter, status: 0 });
      this.#settle(aborter);
    }
    this.onClose();
  }

  /** Somebody ends it before a backend is connected. */
  #abort(by: 'client' | 'balancer', code: ErrorCode): void {
    if (!this.#isBegun || this.#isOver) return;
    this.#upstream?.destroy();
    this.#upstream = undefined;
    this.#code = code;
    settleAttempt(this.#exchange, { kind: 'aborted', by, status: 0 });
    this.#settle(by);
  }

  #settle(abortedBy: 'client' | 'balancer' | 'backend' | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const exchange = this.#exchange;
    const tunnel = this.#tunnel;
    settleExchange(exchange, {
      status: 0,
      backend: exchange.backend,
      attempts: exchange.attempts,
      answeredBy: tunnel ? 'backend' : 'nobody',
      abortedBy,
      code: this.#code,
      bytesFromClient: tunnel?.bytesFromClient ?? this.#early?.length ?? 0,
      bytesToClient: tunnel?.bytesToClient ?? 0,
      firstByteMs: tunnel?.firstByteMs(exchange.startedAt) ?? -1,
      durationMs: exchange.now() - exchange.startedAt,
    });
  }

  /** Open connections run on until the drain limit: only their ends know when they are done. */
  drain(): void {}

  cut(): void {
    if (this.#tunnel) return this.#tunnel.cut();
    this.#abort('balancer', 'ERR_DRAIN_LIMIT');
    this.socket.reset();
  }

  /** The config that the connection runs under, until it is over. */
  get generation(): Generation | undefined {
    return this.#isBegun && !this.#isOver ? this.#exchange.generation : undefined;
  }

  // The socket is the tunnel's once there is one. Before that it is read, so that a client that leaves is noticed.

  onOpen(): void {}

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    const early = (this.#early ??= new HeldBody());
    early.makeRoom(end - start);
    early.length += bytes.copy(early.bytes, early.length, start, end);
    if (early.length >= EARLY_LIMIT_BYTES) this.socket.pause();
  }

  /** It may only have said all it has to say: the backend is told when there is one. */
  onEnd(): void {
    this.#clientHasEnded = true;
  }

  onDrain(): void {}

  onClose(): void {
    this.#hasClosed = true;
    this.#abort('client', 'ERR_CLIENT_CLOSED');
    this.#forgetEarly();
    this.leave();
  }

  #forgetEarly(): void {
    this.#early?.clear();
    this.#early = undefined;
  }

  onUpstreamBytes(): void {}
  onUpstreamEnd(): void {}
  onUpstreamDrain(): void {}
}

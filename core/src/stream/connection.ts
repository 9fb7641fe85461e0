/** A client's connection on a tcp listener: it is its own exchange, and takes the same road as a request does. */
import type { ErrorCode, TcpExchange } from '@steelyard/sdk';
import type { Generation, ListenerPlan } from '../generation.ts';
import type { Listener } from '../listen/listener.ts';
import { AttemptingExchange } from '../request/attempt.ts';
import { connect, type Admissible } from '../request/connect.ts';
import { select } from '../request/select.ts';
import { settleAttempt, settleExchange } from '../request/settle.ts';
import type { Socket, SocketHandler } from '../sockets/socket.ts';
import { UpstreamConnection, type UpstreamUser } from '../upstream/connection.ts';
import type { DataThread } from '../workers/data-thread.ts';
import { Tunnel, type TunnelEnd } from './tunnel.ts';

const NOTHING = Buffer.alloc(0);

class StreamExchange extends AttemptingExchange implements TcpExchange {
  readonly protocol = 'tcp' as const;
  readonly request = undefined;
  readonly route = undefined;
}

export class StreamConnection implements Admissible, SocketHandler, UpstreamUser {
  readonly protocol = 'tcp' as const;
  readonly id: number;
  readonly socket: Socket;
  readonly thread: DataThread;
  readonly remoteAddress: string;
  readonly openedAt = performance.now();
  readonly plan: ListenerPlan;
  readonly #listener: Listener;
  readonly #exchange = new StreamExchange();
  #upstream: UpstreamConnection | undefined;
  #tunnel: Tunnel | undefined;
  #code: ErrorCode | '' = '';
  #isBegun = false;
  #isOver = false;

  constructor(thread: DataThread, listener: Listener, socket: Socket) {
    this.thread = thread;
    this.id = thread.nextConnectionId();
    this.socket = socket;
    this.#listener = listener;
    this.plan = listener.plan;
    this.remoteAddress = socket.remoteAddress;
    socket.handler = this;
  }

  get listener(): string {
    return this.#listener.name;
  }
  get remotePort(): number {
    return this.socket.remotePort;
  }
  get localAddress(): string {
    return this.socket.localAddress;
  }
  get localPort(): number {
    return this.socket.localPort;
  }

  open(): void {
    connect(this);
  }

  /** `onConnect` has nothing against it: a backend is looked for. What the client sends meanwhile waits in the kernel. */
  admit(): void {
    this.socket.pause();
    const exchange = this.#exchange;
    exchange.id = this.thread.nextExchangeId();
    exchange.startedAt = this.openedAt;
    exchange.clientAddress = this.remoteAddress;
    exchange.connection = this;
    exchange.thread = this.thread;
    exchange.generation = this.plan.generation;
    exchange.lane = this.plan.unrouted;
    this.#isBegun = true;
    exchange.generation.enter();
    exchange.pool.budget.deposit(exchange.startedAt);
    this.#attempt();
  }

  #attempt(): void {
    const exchange = this.#exchange;
    if (!select(exchange)) {
      return this.#fail('ERR_NO_BACKEND', `no ${exchange.attempts > 0 ? 'other ' : ''}backend of pool ${exchange.pool.name} is available`);
    }
    const { engine, deadlines, idle } = this.thread;
    this.#upstream = new UpstreamConnection(engine, deadlines, idle, exchange.lease!.backend, this);
    this.#upstream.deadline = deadlines.in(exchange.pool.config.timeouts.connectMs);
  }

  onUpstreamOpen(): void {
    const exchange = this.#exchange;
    const upstream = this.#upstream!;
    exchange.lease!.connectMs = performance.now() - exchange.lease!.startedAt;
    upstream.deadline = Infinity;
    this.#tunnel = new Tunnel(this.thread, this.socket, upstream.socket, this.plan.config.timeouts.tunnelMs, (by) => this.#tunnelEnded(by));
    this.#tunnel.begin(NOTHING, NOTHING);
    this.socket.resume();
  }

  onUpstreamGone(error: Error | undefined): void {
    this.#upstream = undefined;
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
    if (exchange.attempts >= exchange.pool.config.retry.attempts) return this.#fail(code, detail);
    this.thread.metrics.retry(exchange.pool.name);
    this.#attempt();
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
    lease.bytesToBackend = this.#tunnel!.bytesFromClient;
    lease.bytesFromBackend = this.#tunnel!.bytesToClient;
    upstream.user = undefined;
    upstream.onClose(undefined);
    this.#upstream = undefined;
    if (by === 'nobody') {
      settleAttempt(exchange, { kind: 'answered', status: 0 });
      this.#settle(undefined);
    } else if (by === 'backend') {
      this.#code = 'ERR_UPSTREAM_CLOSED';
      settleAttempt(exchange, { kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_CLOSED', status: 0 });
      this.#settle('backend');
    } else {
      this.#code = by === 'client' ? 'ERR_CLIENT_CLOSED' : by === 'idle' ? 'ERR_CLIENT_STALLED' : 'ERR_DRAIN_LIMIT';
      const aborter = by === 'client' ? 'client' : 'balancer';
      settleAttempt(exchange, { kind: 'aborted', by: aborter, status: 0 });
      this.#settle(aborter);
    }
    this.#listener.forget(this);
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
      bytesFromClient: tunnel?.bytesFromClient ?? 0,
      bytesToClient: tunnel?.bytesToClient ?? 0,
      firstByteMs: -1,
      durationMs: performance.now() - exchange.startedAt,
    });
  }

  /** Open connections run on until the drain limit: only their ends know when they are done. */
  drain(): void {}

  cut(): void {
    if (this.#tunnel) this.#tunnel.cut();
    else this.socket.destroy();
  }

  /** The config that the connection runs under, until it is over. */
  get generation(): Generation | undefined {
    return this.#isBegun && !this.#isOver ? this.#exchange.generation : undefined;
  }

  // The socket is the tunnel's once there is one; before that it is paused, and only its close is heard.

  onOpen(): void {}
  onBytes(): void {}
  onEnd(): void {}
  onDrain(): void {}

  onClose(): void {
    this.#upstream?.destroy();
    this.#upstream = undefined;
    if (this.#isBegun && !this.#isOver) {
      this.#code = 'ERR_CLIENT_CLOSED';
      settleAttempt(this.#exchange, { kind: 'aborted', by: 'client', status: 0 });
      this.#settle('client');
    }
    this.#listener.forget(this);
  }

  onUpstreamBytes(): void {}
  onUpstreamEnd(): void {}
  onUpstreamDrain(): void {}
}

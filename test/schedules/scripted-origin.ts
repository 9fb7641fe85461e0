/** The origin of a schedule: two servers of one pool. It reads what comes, judges it, and replies when and as far as the steps say. */
import net from 'node:net';
import { leave } from './leave.ts';
import { bodyOf, endsByClose, reach, replyWire, TUNNEL_BYTES, type RequestPlan, type Wire } from './messages.ts';
import { MessageReader, type Framing, type Message } from './message-reader.ts';
import type { Ending, Extent } from './schedule.ts';
import type { Happenings } from './turns.ts';

/** One coming of a request: it may come again, where that is allowed. */
export interface Delivery {
  readonly id: string;
  readonly tag: string;
  readonly plan: RequestPlan;
  readonly message: Message;
  readonly connection: OriginConnection;
  readonly reply: Wire;
  /** How much of the reply was written. */
  at: number;
  isReplied: boolean;
  /** The reply was begun before the request was whole. */
  isEarly: boolean;
}
type Moment = 'accept' | 'byte' | 'head' | 'complete' | 'replied';
type Reaction = Ending | 'reply' | 'stop reading';

export interface OriginWitness {
  readonly happenings: Happenings;
  /** The request that was given this id, if there is one in the schedule. */
  planOf(id: string): RequestPlan | undefined;
  violated(detail: string): void;
}

const OWN: RequestPlan = {
  method: 'GET', version: '1.1', framing: 'none', bodyBytes: 0, expects100: false, isLast: false, isUpgrade: false, broken: '',
  reply: { interims: [], status: 200, framing: 'length', bodyBytes: 40, surplus: 0, broken: '', saysClose: false, agrees: false },
};
/** So much is with the receiver's kernel when `write` returns, whether it reads or not. */
const SURELY_DELIVERED_BYTES = 32_768;
const POISON = 'HTTP/1.1 200 OK\r\nX-Tag: poison.0\r\nContent-Length: 6\r\n\r\npoison';

export class ScriptedOrigin {
  readonly connections: OriginConnection[] = [];
  readonly deliveries: Delivery[] = [];
  /** It did what a backend must not, to a request that was under way. */
  hasFailed = false;
  /** It ended a connection on which nothing was under way. */
  hasEndedIdle = false;
  /** Replies to whatever is whole, and reads. */
  isWilling = false;
  witness!: OriginWitness;
  #isPaused = false;
  #armed: { at: Moment; what: Reaction }[] = [];
  readonly #servers: net.Server[] = [];

  /** @returns the addresses of its two servers. */
  async open(): Promise<string[]> {
    const urls: string[] = [];
    for (let i = 0; i < 2; i++) {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      this.#servers.push(server);
      urls.push(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
    }
    return urls;
  }
  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Begins a schedule: nothing of the one before is left. */
  begin(witness: OriginWitness): void {
    this.witness = witness;
    this.connections.length = 0;
    this.deliveries.length = 0;
    this.hasFailed = this.hasEndedIdle = this.isWilling = this.#isPaused = false;
    this.#armed = [];
  }

  get busy(): OriginConnection | undefined {
    return this.connections.findLast((one) => !one.socket.destroyed && one.current !== undefined);
  }
  get idle(): OriginConnection | undefined {
    return this.connections.findLast((one) => !one.socket.destroyed && !one.socket.writableEnded && !one.isBusy);
  }

  ends(which: 'busy' | 'idle', how: Ending): void {
    const connection = which === 'busy' ? this.busy : this.idle;
    connection?.leave(how);
  }
  reads(on: boolean): void {
    this.#isPaused = !on;
    for (const { socket } of this.connections) if (on) socket.resume();
    else socket.pause();
  }
  arm(at: Moment, what: Reaction): void {
    this.#armed.push({ at, what });
  }
  /** Only while it reads: otherwise a request may be on its way to what looks idle here. */
  poison(): void {
    const { idle } = this;
    if (idle && !idle.hasEnded && !idle.socket.isPaused()) idle.socket.write(POISON);
  }

  /** From here on it behaves. */
  becomeWilling(): void {
    this.isWilling = true;
    this.#armed = [];
    this.reads(true);
    for (const connection of this.connections) connection.goOn();
  }

  fire(at: Moment, connection: OriginConnection): void {
    const armed = this.#armed.find((one) => one.at === at);
    if (!armed) return;
    this.#armed = this.#armed.filter((one) => one !== armed);
    if (armed.what === 'reply') connection.reply('message');
    else if (armed.what === 'stop reading') connection.socket.pause();
    else connection.leave(armed.what, at);
  }

  #accept(socket: net.Socket): void {
    const connection = new OriginConnection(this, socket);
    this.connections.push(connection);
    if (this.#isPaused) socket.pause();
    this.fire('accept', connection);
  }
}

export class OriginConnection {
  readonly socket: net.Socket;
  /** What has not been replied to. */
  current: Delivery | undefined;
  hasEnded = false;
  isClosed = false;
  /** How it left, if it did so itself. */
  left: Ending | undefined;
  errorCode = '';
  readonly #origin: ScriptedOrigin;
  readonly #reader: MessageReader;
  #tunnel: Delivery | undefined;
  #last: Delivery | undefined;

  constructor(origin: ScriptedOrigin, socket: net.Socket) {
    this.#origin = origin;
    this.socket = socket;
    const { happenings } = origin.witness;
    happenings.count++;
    this.#reader = new MessageReader({
      framingOf: (startLine, fields) => this.#framingOf(startLine, fields),
      onHead: (message) => this.#headCame(message),
      onComplete: () => this.#completed(),
      onFault: (detail) => origin.witness.violated(`origin: ${detail}`),
    });
    socket.on('data', (bytes: Buffer) => {
      happenings.count++;
      const isFirst = !this.isBusy;
      if (this.#tunnel && this.#tunnel.at < this.#tunnel.reply.headEnd) origin.witness.violated(`${this.#tunnel.id}: bytes of the tunnel came before the 101`);
      if (isFirst) origin.fire('byte', this);
      this.#reader.feed(bytes);
    });
    socket.on('end', () => {
      happenings.count++;
      this.hasEnded = true;
      this.#reader.end();
      if (origin.isWilling) socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code ?? error.message));
    socket.on('close', () => {
      happenings.count++;
      this.isClosed = true;
    });
  }

  /** A request, or a part of one, has come and was not replied to, or was replied to before it was whole. */
  get isBusy(): boolean {
    return this.current !== undefined || this.#reader.current !== undefined || this.#reader.hasPartialHead;
  }
  get isGone(): boolean {
    return this.hasEnded || this.isClosed;
  }

  reply(upTo: Extent): void {
    const delivery = this.current;
    if (!delivery || this.socket.destroyed || this.socket.writableEnded) return;
    const { reply, plan, message } = delivery;
    if (plan.reply.broken !== '' || plan.reply.surplus > 0) this.#origin.hasFailed = true;
    if (!message.isComplete && message.framing.kind !== 'tunnel') delivery.isEarly = true;
    // Whoever has the end of a reply has what is behind it.
    const reached = reach(upTo, delivery.at, reply);
    const to = reached >= reply.end ? reply.bytes.length : reached;
    this.socket.write(reply.bytes.subarray(delivery.at, to));
    delivery.at = to;
    if (to < reply.bytes.length) return;
    delivery.isReplied = true;
    this.current = undefined;
    const isLast = plan.reply.saysClose || endsByClose(plan);
    if (isLast && this.#tunnel === undefined) this.socket.end();
    this.#origin.fire('replied', this);
  }

  leave(how: Ending, at?: Moment): void {
    if (this.socket.destroyed) return;
    this.left = how;
    if (this.#isFault(how, at)) this.#origin.hasFailed = true;
    else this.#origin.hasEndedIdle = true;
    leave(this.socket, how);
  }

  /** An idle connection may be ended at any time; one that is used, or was never, may not. A reset may overtake what was replied. */
  #isFault(how: Ending, at: Moment | undefined): boolean {
    if (this.isBusy || this.#tunnel || at === 'byte' || this.#last === undefined) return true;
    const { reply, plan } = this.#last;
    return how !== 'end' && (reply.bytes.length > SURELY_DELIVERED_BYTES || plan.reply.framing === 'close');
  }

  goOn(): void {
    if (this.current && (this.current.at > 0 || this.current.message.isComplete || this.#tunnel)) this.reply('message');
    if (this.hasEnded) this.socket.end();
  }

  #framingOf(startLine: string, fields: ReadonlyMap<string, string>): Framing {
    const id = startLine.split(' ')[1]!.slice(1);
    const plan = this.#origin.witness.planOf(id) ?? OWN;
    if (plan.isUpgrade && plan.reply.agrees && fields.has('upgrade')) return { kind: 'tunnel', length: 0, expected: bodyOf(`${id}up`, TUNNEL_BYTES) };
    const length = Number(fields.get('content-length') ?? 0);
    const kind = fields.get('transfer-encoding') === 'chunked' ? 'chunked' : length > 0 ? 'length' : 'none';
    return { kind, length, expected: bodyOf(id, plan.bodyBytes) };
  }

  #headCame(message: Message): void {
    const { witness, deliveries } = this.#origin;
    const [method, path] = message.startLine.split(' ');
    const id = path!.slice(1);
    const known = witness.planOf(id);
    if (!known && !id.startsWith('probe')) return witness.violated(`origin: a request of nobody: ${message.startLine}`);
    const plan = known ?? OWN;
    if (plan.method !== method) witness.violated(`${id}: ${plan.method} came as ${method}`);
    if (this.current) witness.violated(`${id} came on a connection where ${this.current.id} was not answered`);
    const tag = `${id}.${deliveries.filter((one) => one.id === id).length}`;
    const delivery: Delivery = { id, tag, plan, message, connection: this, reply: replyWire(plan.reply, plan, tag), at: 0, isReplied: false, isEarly: false };
    if (message.framing.kind === 'tunnel') this.#tunnel = delivery;
    this.current = this.#last = delivery;
    deliveries.push(delivery);
    this.#origin.fire('head', this);
    if (this.#tunnel) this.#completed();
  }

  #completed(): void {
    this.#origin.fire('complete', this);
    if (this.#origin.isWilling) this.reply('message');
  }
}

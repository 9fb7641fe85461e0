/** A client of a schedule: sends its requests byte by byte as the steps say, and judges the answers as they come. */
import net from 'node:net';
import { bodyOf, reach, requestWire, TUNNEL_BYTES, type RequestPlan, type Wire } from './messages.ts';
import { MessageReader, type Framing, type Message } from './message-reader.ts';
import { leave } from './leave.ts';
import type { Ending, Extent } from './schedule.ts';
import type { Happenings } from './turns.ts';

export interface Answer {
  readonly status: number;
  /** Of the origin's reply; '' = the balancer's own. */
  readonly tag: string;
  readonly message: Message;
}
type Moment = 'byte' | 'interim' | 'final' | 'answered';

/** What the client must know of the others to judge. */
export interface Witness {
  violated(detail: string): void;
  /** The tunnel's bytes of this request were seen at an origin, or come from one. */
  readonly happenings: Happenings;
}

export class ScriptedClient {
  readonly ids: readonly string[];
  readonly answers: Answer[] = [];
  readonly interims: string[] = [];
  /** It has said FIN, reset or gone before its last answer. */
  hasLeft = false;
  hasEnded = false;
  isClosed = false;
  errorCode = '';
  readonly socket: net.Socket;
  readonly #plans: readonly RequestPlan[];
  readonly #wires: readonly Wire[];
  readonly #reader: MessageReader;
  readonly #witness: Witness;
  #armed: { at: Moment; what: Ending | 'send' }[] = [];
  /** The message being sent, and the position in it. */
  #sending = 0;
  #at = 0;

  constructor(port: number, host: string, name: string, plans: readonly RequestPlan[], witness: Witness) {
    this.#plans = plans;
    this.#witness = witness;
    this.ids = plans.map((_plan, index) => `${name}-${index}`);
    this.#wires = plans.map((plan, index) => requestWire(plan, this.ids[index]!, host));
    this.#reader = new MessageReader({
      framingOf: (startLine, fields) => this.#framingOf(startLine, fields),
      onHead: (message) => this.#headCame(message),
      onComplete: (message) => this.#completed(message),
      onFault: (detail) => witness.violated(`client ${name}: ${detail}`),
    });
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('connect', () => witness.happenings.count++);
    this.socket.on('data', (bytes: Buffer) => {
      witness.happenings.count++;
      this.#reader.feed(bytes);
      this.#fire('byte');
    });
    this.socket.on('end', () => {
      witness.happenings.count++;
      this.hasEnded = true;
      this.#reader.end();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code ?? error.message));
    this.socket.on('close', () => {
      witness.happenings.count++;
      this.isClosed = true;
    });
  }

  /** How many requests were begun. */
  get begun(): number {
    return this.#sending + (this.#at > 0 ? 1 : 0);
  }
  /** Bytes of request `index` that were sent, of its head and of its body. */
  sent(index: number): { isWhole: boolean; hasHead: boolean } {
    const wire = this.#wires[index]!;
    const at = index < this.#sending ? wire.bytes.length : index === this.#sending ? this.#at : 0;
    return { isWhole: at === wire.bytes.length, hasHead: at >= wire.headEnd };
  }
  /** Whole answers. */
  get answered(): number {
    return this.answers.filter(({ message }) => message.isComplete).length;
  }
  /** Every request that was begun has its whole answer. */
  get isAnswered(): boolean {
    return this.answers.length >= this.begun && (this.answers.at(-1)?.message.isComplete ?? true);
  }
  get isOver(): boolean {
    return this.isClosed || this.hasEnded;
  }

  /** In a tunnel that has brought everything: says FIN, as somebody who is through. */
  endTunnel(): void {
    const last = this.answers.at(-1);
    if (last?.status === 101 && last.message.bodyBytes === TUNNEL_BYTES && !this.socket.writableEnded) this.socket.end();
  }

  send(upTo: Extent): void {
    const { socket } = this;
    if (this.#sending >= this.#plans.length || socket.destroyed || socket.writableEnded) return;
    const wire = this.#wires[this.#sending]!;
    const to = reach(upTo, this.#at, wire);
    socket.write(wire.bytes.subarray(this.#at, to));
    this.#at = to;
    if (to < wire.bytes.length) return;
    this.#sending++;
    this.#at = 0;
    if (upTo === 'all') this.send('all');
  }

  leave(how: Ending): void {
    if (this.isClosed) return;
    this.hasLeft = true;
    leave(this.socket, how);
  }

  arm(at: Moment, what: Ending | 'send'): void {
    this.#armed.push({ at, what });
  }
  disarm(): void {
    this.#armed = [];
  }

  #fire(at: Moment): void {
    const armed = this.#armed.find((one) => one.at === at);
    if (!armed) return;
    this.#armed = this.#armed.filter((one) => one !== armed);
    if (armed.what === 'send') this.send('message');
    else this.leave(armed.what);
  }

  #framingOf(startLine: string, fields: ReadonlyMap<string, string>): Framing {
    const status = Number(startLine.split(' ')[1]);
    const index = this.answers.length;
    const plan = this.#plans[index];
    const tag = fields.get('x-tag') ?? '';
    if (status === 101) return { kind: 'tunnel', length: 0, expected: bodyOf(`${tag}down`, TUNNEL_BYTES) };
    if (status < 200 || status === 204 || status === 304 || plan?.method === 'HEAD') return { kind: 'none', length: 0, expected: undefined };
    const length = Number(fields.get('content-length') ?? -1);
    const expected = tag === '' ? undefined : bodyOf(tag, plan?.reply.bodyBytes ?? 0);
    if (fields.get('transfer-encoding') === 'chunked') return { kind: 'chunked', length, expected };
    return length >= 0 ? { kind: 'length', length, expected } : { kind: 'close', length, expected };
  }

  #headCame(message: Message): void {
    const status = Number(message.startLine.split(' ')[1]);
    const index = this.answers.length;
    const plan = this.#plans[index];
    const id = this.ids[index];
    // What was sent early for a tunnel that did not come about is no request.
    if (!plan && status === 400 && this.#plans[index - 1]?.isUpgrade && this.answers[index - 1]!.status !== 101) return undefined;
    if (!plan || index >= this.begun) return this.#witness.violated(`an answer that no request asked for: ${message.startLine}`);
    if (status < 200 && status !== 101) {
      if (plan.version === '1.0') this.#witness.violated(`${id}: an interim response to HTTP/1.0`);
      this.interims.push(`${id} ${status}`);
      return this.#fire('interim');
    }
    const tag = message.fields.get('x-tag') ?? '';
    if (tag !== '' && !tag.startsWith(`${id}.`)) this.#witness.violated(`${id} got the answer ${tag}`);
    this.answers.push({ status, tag, message });
    this.#fire('final');
  }

  #completed(message: Message): void {
    if (this.answers.at(-1)?.message === message) this.#fire('answered');
  }
}

/** The recording origin: a raw socket server that writes down what reaches it, byte for byte, and answers as the case's script says. */
import net from 'node:net';
import type { OriginScript } from './case.ts';
import { OK } from './case.ts';
import { readMessage, REQUESTS } from './messages.ts';

/** Requests for it are the test's own: answered with the target, recorded nowhere. */
export const MARKER = '/marker/';

export interface Recorded {
  raw: string;
  isComplete: boolean;
  /** The proxy has ended the connection that it came on. */
  hasEnded: boolean;
}

export class RecordingOrigin {
  port = 0;
  /** What came since `begin`, in order of its first byte. */
  recorded: Recorded[] = [];
  /** Counts everything that happens here. */
  events = 0;
  readonly #server: net.Server;
  readonly #connections = new Set<OriginConnection>();
  #script: OriginScript = {};
  #answered = 0;
  /** Lets the proxy and us come round once, between two parts of an answer. */
  readonly #pause: () => Promise<void>;

  private constructor(pause: () => Promise<void>) {
    this.#pause = pause;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new OriginConnection(this, socket);
      this.#connections.add(connection);
      socket.on('close', () => this.#connections.delete(connection));
    });
  }

  static async listen(pause: () => Promise<void>): Promise<RecordingOrigin> {
    const origin = new RecordingOrigin(pause);
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    origin.port = (origin.#server.address() as net.AddressInfo).port;
    return origin;
  }

  /** A new case: connections of the last one are ended, so that nothing depends on which of them are kept. */
  begin(script: OriginScript): void {
    this.dropConnections();
    this.#script = script;
    this.#answered = 0;
    this.recorded = [];
  }
  dropConnections(): void {
    for (const connection of this.#connections) connection.drop();
    this.#connections.clear();
  }
  async close(): Promise<void> {
    this.dropConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get answersAtHead(): boolean {
    return this.#script.at === 'head';
  }
  get interim(): string | undefined {
    return this.#script.interim;
  }

  async answer(connection: OriginConnection, isHead: boolean): Promise<void> {
    const { answers = [isHead ? OK.slice(0, -2) : OK] } = this.#script;
    const answer = answers[Math.min(this.#answered, answers.length - 1)]!;
    this.#answered += 1;
    for (const [index, part] of (typeof answer === 'string' ? [answer] : answer).entries()) {
      if (index > 0) await this.#pause();
      if (typeof part === 'string') connection.write(part);
      else connection.end(part.end);
    }
  }
}

class OriginConnection {
  readonly #origin: RecordingOrigin;
  readonly #socket: net.Socket;
  #text = '';
  #at = 0;
  readonly #records: Recorded[] = [];
  /** Of the message under way. */
  #record: Recorded | undefined;
  #hasAnswered = false;
  #hasSaidInterim = false;
  #isTunnel = false;

  constructor(origin: RecordingOrigin, socket: net.Socket) {
    this.#origin = origin;
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      origin.events += 1;
      this.#text += bytes.toString('latin1');
      this.#read();
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    for (const event of ['end', 'close'] as const) {
      socket.on(event, () => {
        origin.events += 1;
        for (const record of this.#records) record.hasEnded = true;
      });
    }
  }

  drop(): void {
    this.#records.length = 0;
    this.#socket.destroy();
  }
  write(bytes: string): void {
    if (bytes.startsWith('HTTP/1.1 101')) this.#isTunnel = true;
    if (this.#socket.writable) this.#socket.write(bytes, 'latin1');
  }
  end(how: 'fin' | 'reset'): void {
    if (how === 'fin') this.#socket.end();
    else this.#socket.resetAndDestroy();
  }

  #read(): void {
    while (this.#at < this.#text.length) {
      const message = readMessage(this.#text, this.#at, false, REQUESTS);
      const [method, target = ''] = message.start.split(' ');
      if (this.#isTunnel) return this.#note(this.#text.slice(this.#at), true);
      if (message.isComplete && target.startsWith(MARKER)) {
        this.#at += message.raw.length;
        this.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
        continue;
      }
      this.#note(message.raw, message.isComplete);
      if (message.hasHead && !this.#hasSaidInterim && this.#origin.interim !== undefined) {
        this.#hasSaidInterim = true;
        this.write(this.#origin.interim);
      }
      if (!this.#hasAnswered && (message.isComplete || (message.hasHead && this.#origin.answersAtHead))) {
        this.#hasAnswered = true;
        void this.#origin.answer(this, method === 'HEAD');
      }
      if (!message.isComplete) return;
      this.#at += message.raw.length;
      this.#record = undefined;
      this.#hasAnswered = false;
      this.#hasSaidInterim = false;
    }
  }

  #note(raw: string, isComplete: boolean): void {
    if (!this.#record) {
      this.#record = { raw, isComplete, hasEnded: false };
      this.#records.push(this.#record);
      this.#origin.recorded.push(this.#record);
    }
    this.#record.raw = raw;
    this.#record.isComplete = isComplete;
  }
}

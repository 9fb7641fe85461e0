/**
 * The second opinion: llhttp in its strict form, as the running Node has it (`process.versions.llhttp`). It is newer and stricter than
 * the WebAssembly copies that libraries carry. Internal to Node, so behind one class; fuzzing and tests only.
 */
import { createRequire } from 'node:module';
import type { Field, Message, Side } from './meaning.ts';

interface Parser {
  [callback: number]: unknown;
  initialize(type: number, resource: object, maxHeaderBytes: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): number | Error | undefined;
}
interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kLenientNone: number;
  readonly kOnMessageBegin: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as { HTTPParser: ParserClass; methods: readonly string[] };

/** Far above our own limits: how large a head may be is not its business here. */
const MAX_HEADER_BYTES = 10_000_000;
/** What `kOnHeadersComplete` answers: a body may follow, or none whatever the head says. */
const BODY_AS_SAID = 0;
const NO_BODY = 1;
const RESOURCE = {};


export class Llhttp implements Message {
  method = '';
  /** As received: an absolute-form target with all of it. */
  target = '';
  status = 0;
  version = '';
  fields: Field[] = [];
  body = '';
  trailers: Field[] = [];
  isComplete = false;
  keepAlive = false;
  upgrade = false;
  /** Heads that began. */
  begun = 0;
  hasHead = false;
  /** '' = none. */
  error = '';
  #skipsBody = false;
  #side: Side = 'request';
  readonly #parser = new HTTPParser();

  constructor() {
    const parser = this.#parser;
    parser[HTTPParser.kOnMessageBegin] = (): void => {
      this.begun += 1;
    };
    parser[HTTPParser.kOnHeaders] = (flat: readonly string[], url: string): void => {
      this.#take(flat);
      if (!this.hasHead) this.target += url;
    };
    parser[HTTPParser.kOnHeadersComplete] = (
      major: number, minor: number, flat: readonly string[] | undefined, method: number, url: string | undefined, status: number, _reason: string, upgrade: boolean, keepAlive: boolean,
    ): number => {
      if (flat) this.#take(flat);
      this.hasHead = true;
      this.version = `${major}.${minor}`;
      if (this.#side === 'request') this.method = METHODS[method] ?? `method ${method}`;
      else this.status = status;
      this.target ||= url ?? '';
      this.upgrade = upgrade;
      this.keepAlive = keepAlive;
      return this.#skipsBody ? NO_BODY : BODY_AS_SAID;
    };
    parser[HTTPParser.kOnBody] = (chunk: Buffer): void => {
      this.body += chunk.toString('latin1');
    };
    parser[HTTPParser.kOnMessageComplete] = (): void => {
      this.isComplete = true;
    };
  }

  /** A new connection. @param skipsBody the response answers a HEAD. */
  begin(side: Side, skipsBody: boolean): void {
    this.method = '';
    this.target = '';
    this.status = 0;
    this.version = '';
    this.fields = [];
    this.body = '';
    this.trailers = [];
    this.isComplete = false;
    this.keepAlive = false;
    this.upgrade = false;
    this.begun = 0;
    this.hasHead = false;
    this.error = '';
    this.#side = side;
    this.#skipsBody = skipsBody;
    this.#parser.initialize(side === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, RESOURCE, MAX_HEADER_BYTES, HTTPParser.kLenientNone);
  }

  /** Bytes of the connection. After an error nothing more is read. */
  read(bytes: Buffer): void {
    if (this.error !== '' || bytes.length === 0) return;
    const met = this.#parser.execute(bytes);
    if (met instanceof Error) this.error = 'reason' in met && met.reason !== '' ? String(met.reason) : met.message;
    // Of an upgrade Node keeps errors for itself: what shows is that reading stopped.
    else if (met < bytes.length && !this.isComplete) this.error = `stopped at byte ${met}`;
  }

  #take(flat: readonly string[]): void {
    const into = this.hasHead ? this.trailers : this.fields;
    for (let i = 0; i < flat.length; i += 2) into.push([flat[i]!, flat[i + 1]!]);
  }
}

/** By the numbers that the parser gives them, found out by asking it. */
const METHODS: string[] = [];
/** Those that llhttp takes in HTTP: its list is closed, while ours is open to every token. */
export const LLHTTP_METHODS: ReadonlySet<string> = learnMethods();

function learnMethods(): Set<string> {
  const known = new Set<string>();
  const parser = new HTTPParser();
  for (const name of methods) {
    parser[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, _flat: unknown, method: number): number => {
      METHODS[method] = name;
      known.add(name);
      return BODY_AS_SAID;
    };
    parser.initialize(HTTPParser.REQUEST, RESOURCE, MAX_HEADER_BYTES, HTTPParser.kLenientNone);
    parser.execute(Buffer.from(`${name} / HTTP/1.1\r\n\r\n`));
  }
  return known;
}

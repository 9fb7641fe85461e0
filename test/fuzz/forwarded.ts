/** What goes on: after our parser, perhaps edits, and our writer, both parsers read the same out of it, and nothing is in it that must not go on. */
import type { RequestWire } from '../../core/src/http1/request-head.ts';
import type { ResponseWire } from '../../core/src/http1/response-head.ts';
import { isAuthority } from './differences.ts';
import { checkAccepted, differs, fieldsDiffer } from './llhttp-check.ts';
import { type Difference, type Field, type Input, type Message, connectionOptions, latin1 } from './meaning.ts';
import type { Random } from './random.ts';
import { LIMITS, Reader, type Sink } from './reader.ts';
import { MessageSink } from './sinks.ts';
import { randomCuts } from './splits.ts';
import type { Tally } from './tally.ts';

const EXTRA = latin1('X-Of-Ours: 1\r\nVia: 1.1 ours\r\n');
const NOTHING = latin1('');
const HOST = 'backend.example:8080';
const HOST_LINE = latin1(`Host: ${HOST}\r\n`);
/** A start line of HTTP/1.1, lines of token and value, the empty line: nothing else (RFC 9112 §2.1). */
const HEAD = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-"$-~]+ HTTP\/1\.1|HTTP\/1\.1 [1-5][0-9]{2} [\t -~\x80-\xff]*)\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)*\r\n$/;
/** RFC 9110 §7.6.1, and what is between a proxy and its neighbour. */
const HOP_BY_HOP = /^(connection|keep-alive|proxy-connection|te|upgrade|http2-settings|proxy-authenticate|proxy-authorization|proxy-authentication-info|content-length|transfer-encoding|host)$/i;
const WRITERS_OWN = /^(connection|content-length|transfer-encoding|host)$/i;
const FORWARDING = /^(forwarded|x-forwarded-.+)$/i;
/** What CGI takes for a forwarding field: nobody's goes on. */
const LOOK_ALIKE = /^(?!x-forwarded-)x[-_]forwarded[-_].+$/i;
/** Fields that edits are about; some of them are received too. */
const EDITED = ['X-Edited', 'Server', 'User-Agent', 'Cookie', 'x-edited'];
/** How the values of edits begin: what Connection says of received fields does not concern them. */
const WRITTEN = 'edit:';

interface Forwarded {
  text: string;
  headLength: number;
  dropsForwarding: boolean;
  /** What look-ups show, edits included. */
  fields: Field[];
  target: string;
  /** '' for responses. */
  host: string;
  responseWire: ResponseWire | undefined;
}

class ForwardingSink implements Sink {
  readonly forwarded: Forwarded[] = [];
  #input!: Input;
  #random!: Random;
  #out = Buffer.alloc(4_096);

  begin(input: Input, random: Random): void {
    this.forwarded.length = 0;
    this.#input = input;
    this.#random = random;
  }
  onHead(reader: Reader): boolean {
    return this.#input.side === 'request' ? this.#onRequest(reader) : this.#onResponse(reader);
  }
  #onRequest({ request, body }: Reader): boolean {
    const random = this.#random;
    const wire: RequestWire = {
      hostLine: request.lacksHost || random.oneIn(6) ? HOST_LINE : undefined, extra: random.oneIn(2) ? EXTRA : NOTHING, dropForwarding: random.oneIn(2), forwardedHost: random.oneIn(4),
    };
    let { target } = request;
    if (random.oneIn(4)) this.#edit(request);
    if (random.oneIn(12)) request.setTarget((target = '/edited?x'));
    this.#makeRoom(request.wireBound(wire));
    const end = request.write(this.#out, 0, wire);
    if (end > request.wireBound(wire)) throw new Error(`wireBound said ${request.wireBound(wire)}, write took ${end}`);
    this.forwarded.push({
      text: this.#out.toString('latin1', 0, end), headLength: end, dropsForwarding: wire.dropForwarding, fields: request.headers(), target,
      host: wire.hostLine ? HOST : (request.header('host') ?? request.host), responseWire: undefined,
    });
    request.rollback(0);
    return body.framing === 'chunked';
  }
  #onResponse({ response, body, method }: Reader): boolean {
    const random = this.#random;
    const isInterim = response.status < 200;
    const toHttp10 = !isInterim && random.oneIn(5);
    const isUnknownLength = body.framing === 'chunked' || body.framing === 'close';
    const framing = isInterim || method === 'HEAD' ? 'none' : isUnknownLength ? (toHttp10 ? 'close' : 'chunked') : body.framing;
    const wire: ResponseWire = {
      framing, connection: response.upgrade ? 'upgrade' : isInterim ? '' : random.pick(['', 'close', 'keep-alive']),
    };
    if (random.oneIn(4)) this.#edit(response);
    this.#makeRoom(response.wireBound(wire));
    const end = response.write(this.#out, 0, wire);
    if (end > response.wireBound(wire)) throw new Error(`wireBound said ${response.wireBound(wire)}, write took ${end}`);
    this.forwarded.push({
      text: this.#out.toString('latin1', 0, end), headLength: end, dropsForwarding: false, fields: response.headers(), target: '', host: '', responseWire: wire,
    });
    response.rollback(0);
    return wire.framing === 'chunked';
  }
  #edit(head: Reader['request'] | Reader['response']): void {
    const random = this.#random;
    const marks = [head.mark()];
    for (let left = random.between(1, 4); left > 0; left--) {
      const name = random.pick(EDITED);
      const kind = random.below(4);
      if (kind === 0) head.appendHeader(name, WRITTEN + random.text('ab \t\xff', 0, 9));
      else if (kind === 1) head.removeHeader(name);
      else if (kind === 2) head.setHeader(name, WRITTEN + random.text('ab \t\xff', 0, 9));
      else head.rollback(random.pick(marks));
      marks.push(head.mark());
    }
  }
  onBody(bytes: Buffer, start: number, end: number): void {
    this.forwarded.at(-1)!.text += bytes.toString('latin1', start, end);
  }
  onEnd(): void {}
  #makeRoom(bound: number): void {
    if (this.#out.length < bound) this.#out = Buffer.alloc(bound * 2);
  }
}

const forwarder = new Reader();
/** Lines of ours come on top of as many as there may be. */
const again = new Reader({ limits: { maxHeadBytes: 2 * LIMITS.maxHeadBytes, maxTargetBytes: LIMITS.maxTargetBytes, maxHeaders: 2 * LIMITS.maxHeaders } });
const sink = new ForwardingSink();
const messages = new MessageSink();

/** @param read what was read out of the input. */
export function checkForwarded(input: Input, bytes: Buffer, read: readonly Message[], methods: readonly string[], random: Random, tally: Tally): Difference | undefined {
  sink.begin(input, random);
  forwarder.read(input, bytes, random.oneIn(2) ? [] : randomCuts(random, bytes.length, 4), sink);
  if (sink.forwarded.length !== read.length) return `what goes on is another number of messages: ${sink.forwarded.length}, not ${read.length}`;
  for (const [index, forwarded] of sink.forwarded.entries()) {
    const difference = checkOne(input, read[index]!, methods[index]!, forwarded, tally);
    if (difference) return difference;
  }
  return undefined;
}

function checkOne(input: Input, message: Message, method: string, forwarded: Forwarded, tally: Tally): Difference | undefined {
  const { text, headLength, responseWire } = forwarded;
  if (!HEAD.test(text.slice(0, headLength))) return `a forwarded head that is none: ${JSON.stringify(text.slice(0, headLength))}`;
  messages.begin(input.side);
  const bytes = latin1(text);
  again.read({ ...input, text, methods: [method] }, bytes, [], messages);
  const second = messages.messages[0];
  if (again.ending === 'fault' || !second || messages.messages.length !== 1) return `what goes on is not read again: ${again.detail} in ${JSON.stringify(text)}`;
  const isComplete = message.isComplete && responseWire?.framing !== 'close';
  const difference =
    differs('method after writing', message.method, second.method) ?? differs('target after writing', input.side === 'request' ? forwarded.target : '', second.target) ??
    differs('status after writing', message.status, second.status) ?? differs('body after writing', message.body, second.body) ??
    differs('end after writing', isComplete, second.isComplete) ?? differs('upgrade after writing', message.upgrade, second.upgrade) ??
    fieldsDiffer('fields after writing', passing(message, forwarded), ends(second)) ?? hostDiffers(second, forwarded) ?? connectionDiffers(second, forwarded) ?? framingDiffers(message, second, forwarded) ??
    (responseWire && responseWire.framing !== 'chunked' ? undefined : fieldsDiffer('trailers after writing', message.trailers, second.trailers));
  return difference ?? checkAccepted(input.side, second, { ...messages.spans[0]!, end: bytes.length }, bytes, tally);
}

/** The fields that reach the other side end to end. */
function passing({ fields, upgrade, version }: Message, { fields: shown, dropsForwarding }: Forwarded): Field[] {
  const named = new Set(connectionOptions(fields));
  return shown.filter(([name, value]) => {
    if (value.startsWith(WRITTEN)) return true;
    const key = name.toLowerCase();
    if (key === 'upgrade') return upgrade;
    return !HOP_BY_HOP.test(key) && !LOOK_ALIKE.test(key) && !ADDED_HOST.test(name) && (FORWARDING.test(key) ? !dropsForwarding : !named.has(key)) && !(key === 'expect' && version === '1.0');
  });
}
const ADDED_HOST = /^X-Forwarded-Host$/;
/** Without what the writer adds: nothing else of a hop may be among it. */
function ends({ fields }: Message): Field[] {
  return fields.filter(([name, value]) => !WRITERS_OWN.test(name) && !ADDED_HOST.test(name) && name !== 'X-Of-Ours' && !(name === 'Via' && value === '1.1 ours'));
}
/** RFC 9112 §3.2: one Host, that of the request or of the backend, and a host by its grammar. */
function hostDiffers({ method, fields }: Message, { host }: Forwarded): Difference | undefined {
  if (method === '') return undefined;
  const hosts = fields.filter(([name]) => /^host$/i.test(name)).map(([, value]) => value);
  return differs('Host after writing', host.toLowerCase(), hosts.join(' and ').toLowerCase()) ?? (isAuthority(host) ? undefined : `a Host that is none goes on: ${host}`);
}
/** RFC 9112 §9.6: what goes on says of its connection what we say. */
function connectionDiffers({ upgrade, fields }: Message, { responseWire }: Forwarded): Difference | undefined {
  const said = fields.filter(([name]) => /^connection$/i.test(name)).map(([, value]) => value).join('; ');
  return differs('Connection after writing', responseWire ? responseWire.connection : upgrade ? 'upgrade' : '', said);
}

/** RFC 9112 §6: one framing, in its plainest form. */
function framingDiffers(message: Message, second: Message, { responseWire }: Forwarded): Difference | undefined {
  const framing = second.fields.filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  if (framing.length > 1) return `two framings go on: ${JSON.stringify(framing)}`;
  const [name, value] = framing[0] ?? ['', ''];
  if (name === 'Content-Length' ? !/^(0|[1-9][0-9]*)$/.test(value) : name !== '' && value !== 'chunked') return `a framing that is not plain goes on: ${name}: ${value}`;
  if (responseWire?.framing === 'close' && name !== '') return `a framing goes on with a body that ends with the connection: ${name}`;
  return message.isComplete && message.body !== '' && name === '' && responseWire?.framing !== 'close' ? 'a body goes on without framing: none' : undefined;
}

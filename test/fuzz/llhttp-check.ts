/** What we accept, llhttp accepts in its strict form, with the same meaning and the same end; what only we refuse has a reason that is written down. */
import { ALLOWANCES, type Allowance, REFUSALS } from './differences.ts';
import { LLHTTP_METHODS, Llhttp } from './llhttp.ts';
import { type Difference, type Field, type Input, type Message, type Side, connectionOptions, latin1, mayNameTrailers } from './meaning.ts';
import type { Span } from './sinks.ts';
import type { Tally } from './tally.ts';

const llhttp = new Llhttp();
/** Stands in for a method that llhttp has no name for. Any will do that has no rules of its own. */
const KNOWN_METHOD = 'PATCH';

/**
 * @param bytes all of the input.
 * @param span where we found the message.
 */
export function checkAccepted(side: Side, message: Message, span: Span, bytes: Buffer, tally: Tally): Difference | undefined {
  const { read, method, fields } = readable(side, message, bytes.subarray(span.start, span.end), span.headEnd - span.start, tally);
  llhttp.begin(side, side === 'response' && span.method === 'HEAD');
  // All but the last byte first: then the message ends with it and not before, or the two disagree on where the next one begins.
  llhttp.read(read.subarray(0, read.length - 1));
  if (message.isComplete && llhttp.isComplete) return 'llhttp ends the message earlier: before our last byte of it';
  llhttp.read(read.subarray(read.length - 1));

  if (llhttp.error !== '') {
    const allowance = ALLOWANCES.find((allowed) => allowed.error.test(llhttp.error) && allowed.holds(message, read.toString('latin1')));
    if (!allowance) return `llhttp refuses what we accept: ${llhttp.error}`;
    tally.count(`allowed: ${allowance.name}`);
    return undefined;
  }
  if (llhttp.begun !== 1) return `llhttp sees another number of messages: ${llhttp.begun}, we one`;
  if (message.isComplete !== llhttp.isComplete) return `llhttp is of another mind about the end: complete to ${message.isComplete ? 'us' : 'it'} alone`;
  const theirTarget = side === 'request' ? originForm(llhttp.target, message.method) : '';
  return (
    differs('method', method, llhttp.method) ?? differs('target', message.target, theirTarget) ?? differs('status', message.status, llhttp.status) ??
    (side === 'request' ? differs('version', message.version, llhttp.version) : undefined) ??
    fieldsDiffer('fields', fields, llhttp.fields) ?? differs('body', message.body, llhttp.body) ??
    (message.isComplete ? trailersDiffer(message, llhttp.trailers) : undefined) ?? lifeDiffers(side, message, span, tally)
  );
}

function lifeDiffers(side: Side, message: Message, span: Span, tally: Tally): Difference | undefined {
  // The other way round is our policy: no h2c, no body, well-formed lists. Then llhttp was not shown the field.
  if (message.upgrade && !llhttp.upgrade) return 'llhttp sees no upgrade: we do';
  if (message.keepAlive === llhttp.keepAlive) return undefined;
  const allowance = KEEP_ALIVE.find((allowed) => allowed.holds(message, span, side));
  if (!allowance) return `llhttp keeps the connection differently: ${llhttp.keepAlive}, we ${message.keepAlive}`;
  tally.count(`allowed: ${allowance.name}`);
  return undefined;
}

interface KeepAliveAllowance extends Pick<Allowance, 'name'> {
  holds: (message: Message, span: Span, side: Side) => boolean;
}
/** Where the two differ on persistence (RFC 9112 §9.3), and why that is right. */
const KEEP_ALIVE: readonly KeepAliveAllowance[] = [
  { name: 'Proxy-Connection means nothing (RFC 9112 appendix C.2.2)', holds: ({ fields }) => fields.some(([name]) => /^proxy-connection$/i.test(name)) },
  { name: 'close wins over keep-alive in HTTP/1.0 too (RFC 9112 §9.3)', holds: ({ fields, keepAlive }) => !keepAlive && ['close', 'keep-alive'].every((option) => connectionOptions(fields).includes(option)) },
  {
    name: 'llhttp judges persistence before it is told that a HEAD is answered',
    holds: ({ fields, keepAlive }, { method }, side) => side === 'response' && keepAlive && method === 'HEAD' && !fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name)),
  },
];

/** What is behind the last message was refused by us. @returns a difference when llhttp takes it and nobody has written down why we do not. */
export function checkRefused(input: Input, detail: string, method: string, bytes: Buffer, tally: Tally): Difference | undefined {
  llhttp.begin(input.side, input.side === 'response' && method === 'HEAD');
  const text = bytes.toString('latin1');
  llhttp.read(latin1(withoutUpgrade(withoutTab(text))));
  if (llhttp.error !== '') {
    tally.count('refused by both');
    return undefined;
  }
  const reason = REFUSALS.find((refusal) => refusal.detail.test(detail));
  if (!reason) return `a refusal that llhttp does not share and the list has no reason for: ${detail}`;
  if (!reason.holds(text)) return `a refusal without its cause: ${detail}`;
  tally.count(`refused by us alone: ${reason.name}`);
  return undefined;
}

interface Readable extends Pick<Message, 'method' | 'fields'> {
  read: Buffer;
}
/**
 * The message as llhttp is asked to read it, where it would stop short of what is to be compared:
 * - With a method that it knows.
 * - Without a tab behind `chunked`: that is white space as good as a space (RFC 9110 §5.6.3), but llhttp takes it for another coding, which
 *   it refuses in requests and reads until the end of the connection in responses.
 * - With another name for an Upgrade that we drop: to llhttp all that follows is another protocol, and Node tells of no error in a body before it.
 */
function readable(side: Side, message: Message, bytes: Buffer, headSize: number, tally: Tally): Readable {
  const { method } = message;
  const isUnknown = side === 'request' && !LLHTTP_METHODS.has(method);
  const drops = side === 'request' && !message.upgrade && message.fields.some(([name]) => UPGRADE.test(name));
  const isCoded = message.fields.some(([name, value]) => value.length === CHUNKED_LENGTH && /^transfer-encoding$/i.test(name));
  if (!isUnknown && !drops && !isCoded) return { read: bytes, method, fields: message.fields };
  let head = bytes.toString('latin1', 0, headSize);
  if (isCoded) {
    const plain = withoutTab(head);
    if (plain !== head) tally.count('read for llhttp: a tab behind chunked');
    head = plain;
  }
  if (drops) {
    tally.count('read for llhttp: an Upgrade that we drop');
    head = withoutUpgrade(head);
  }
  if (isUnknown) {
    tally.count('read for llhttp: a method that it does not know');
    head = KNOWN_METHOD + head.slice(head.indexOf(method) + method.length);
  }
  return {
    read: Buffer.concat([latin1(head), bytes.subarray(headSize)]), method: isUnknown ? KNOWN_METHOD : method,
    fields: drops ? message.fields.map(([name, value]) => [UPGRADE.test(name) ? NO_UPGRADE : name, value]) : message.fields,
  };
}
const UPGRADE = /^upgrade$/i;
const NO_UPGRADE = 'Dropped';
const CHUNKED_LENGTH = 'chunked'.length;
function withoutUpgrade(text: string): string {
  return text.replace(/\r\nupgrade:/gi, `\r\n${NO_UPGRADE}:`);
}
function withoutTab(text: string): string {
  return text.replace(/(\r\ntransfer-encoding:[ \t]*chunked)[ \t]*\t[ \t]*\r\n/i, '$1\r\n');
}

/** RFC 9112 §3.2.2 and §3.2.4: what an origin server would be asked for. */
function originForm(target: string, method: string): string {
  const absolute = /^https?:\/\/[^/?]*/i.exec(target);
  if (!absolute) return target;
  const rest = target.slice(absolute[0].length);
  if (rest.startsWith('/')) return rest;
  return rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`;
}

export function differs(what: string, one: unknown, other: unknown): Difference | undefined {
  return one === other ? undefined : `another ${what}: ${JSON.stringify(one)} to us, ${JSON.stringify(other)} to the other`;
}
export function fieldsDiffer(what: string, one: readonly Field[], other: readonly Field[]): Difference | undefined {
  let isSame = one.length === other.length;
  for (let i = 0; isSame && i < one.length; i++) isSame = one[i]![0] === other[i]![0] && one[i]![1] === other[i]![1];
  return isSame ? undefined : `other ${what}: ${JSON.stringify(one)} to us, ${JSON.stringify(other)} to the other`;
}

/** RFC 9110 §6.5.1, as families: what a recipient may act on early must not come late. */
const NO_TRAILER = new RegExp(
  `^(${[
    'content-(length|encoding|type|range|disposition|language|location|security-policy)|transfer-encoding|trailer|host|max-forwards|forwarded|via', 'connection|keep-alive|proxy-(connection|authenticate|authorization|authentication-info)|te|upgrade|http2-settings',
    'expect|range|cache-control|pragma|if-.*|accept(-charset|-encoding|-language)?|prefer|from|referer|user-agent|origin|cookie|priority', 'authorization|www-authenticate|authentication-info|set-cookie',
    'age|date|expires|location|retry-after|vary|warning|allow|clear-site-data|strict-transport-security|alt-svc', 'x-forwarded-.*|access-control-.*|sec-.*',
  ].join('|')})$`, 'i',
);
/** Ours are theirs without those that must not go on. */
function trailersDiffer({ fields, trailers }: Message, theirs: readonly Field[]): Difference | undefined {
  return fieldsDiffer('trailers', trailers, mayNameTrailers(fields) ? [] : theirs.filter(([name]) => !NO_TRAILER.test(name.replaceAll('_', '-'))));
}

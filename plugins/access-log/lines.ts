/**
 * An exchange as one line of printable ASCII, with its line feed. Whatever a client sent is escaped, so that it can neither end
 * the line nor move a terminal's cursor, and cut where the line would be longer than a pipe takes in one piece.
 */
import type { Exchange, HttpExchange, Result } from '@steelyard/sdk';

export interface LineOptions {
  query: boolean;
  user: boolean;
  /** `Referer` and `User-Agent` behind the common line. */
  combined: boolean;
}

/** POSIX PIPE_BUF on Linux: several writers to one pipe do not mix up to here. Bytes. */
export const MAX_LINE_BYTES = 4096;
/** Characters left of each piece of a client's in a line that was too long; halved until it fits. */
const FIRST_CUT = 1024;
const LAST_CUT = 16;

/** NCSA common log form, or Apache's combined: `client - user [time] "request" status bytes "referer" "user agent"`. */
export function commonLine(exchange: Exchange, result: Result, startedAt: number, options: LineOptions): string {
  return withinLimit((most) => {
    const user = (options.user && userOf(exchange)) || '-';
    const status = result.status === 0 ? '000' : String(result.status);
    const line =
      `${escapeBare(exchange.clientAddress)} - ${escapeBare(cut(user, most))} ${clfTime(startedAt)} "${requestLine(exchange, most, options)}" ` +
      `${status} ${result.bytesToClient === 0 ? '-' : result.bytesToClient}`;
    if (!options.combined) return `${line}\n`;
    return `${line} "${escapeQuoted(cut(refererOf(exchange, options.query), most) || '-')}" "${escapeQuoted(cut(headerOf(exchange, 'user-agent'), most) || '-')}"\n`;
  });
}

/** One JSON object. What has no value is left out; `cut: true` marks a line that was too long. */
export function jsonLine(exchange: Exchange, result: Result, startedAt: number, options: LineOptions): string {
  return withinLimit((most) => {
    const { request } = exchange;
    const line = JSON.stringify({
      time: isoTime(startedAt),
      listener: exchange.connection.listener,
      protocol: exchange.protocol,
      clientAddress: exchange.clientAddress,
      user: (options.user && cut(userOf(exchange), most)) || undefined,
      method: cut(request?.method ?? '', most) || undefined,
      host: cut(request?.host ?? '', most) || undefined,
      target: cut(targetOf(exchange, options.query), most) || undefined,
      route: exchange.route?.name,
      status: result.status,
      bytesFromClient: result.bytesFromClient,
      bytesToClient: result.bytesToClient,
      durationMs: toMicroseconds(result.durationMs),
      firstByteMs: result.firstByteMs < 0 ? undefined : toMicroseconds(result.firstByteMs),
      backend: result.backend?.id,
      attempts: result.attempts,
      answeredBy: result.answeredBy,
      abortedBy: result.abortedBy,
      code: result.code || undefined,
      referer: cut(refererOf(exchange, options.query), most) || undefined,
      userAgent: cut(headerOf(exchange, 'user-agent'), most) || undefined,
      cut: most === Infinity ? undefined : true,
    });
    return `${toAsciiJson(line)}\n`;
  });
}

/** The whole line where it fits, else with shorter and shorter pieces. */
function withinLimit(write: (most: number) => string): string {
  let line = write(Infinity);
  // Pure ASCII: characters are bytes.
  for (let most = FIRST_CUT; line.length > MAX_LINE_BYTES && most >= LAST_CUT; most /= 2) line = write(most);
  return line;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}[cut]`;
}

function requestLine(exchange: Exchange, most: number, options: LineOptions): string {
  if (exchange.protocol === 'tcp') return `TCP ${escapeQuoted(exchange.connection.listener)}`;
  const { method, version } = exchange.request;
  // A head that could not be read has no method.
  return method === '' ? '-' : `${escapeQuoted(cut(method, most))} ${escapeQuoted(cut(targetOf(exchange, options.query), most))} HTTP/${version}`;
}

function targetOf(exchange: Exchange, query: boolean): string {
  return exchange.protocol === 'tcp' ? '' : withoutSecrets(exchange.request.target, query);
}

function refererOf(exchange: Exchange, query: boolean): string {
  return withoutSecrets(headerOf(exchange, 'referer'), query);
}

/** A query or a fragment only where it is asked for (OAuth hands out tokens in both), the user and password of a URI (RFC 3986 §3.2.1) never. */
function withoutSecrets(uri: string, query: boolean): string {
  const known = uri.includes('@') ? uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1***@') : uri;
  if (query) return known;
  const at = known.search(/[?#]/);
  return at < 0 || at === known.length - 1 ? known : `${known.slice(0, at + 1)}***`;
}

function headerOf(exchange: Exchange, name: string): string {
  return exchange.protocol === 'tcp' ? '' : (exchange.request.header(name) ?? '');
}

/** RFC 7617: what stands before the first colon. Nobody has checked it. */
function userOf(exchange: Exchange): string {
  if (exchange.protocol === 'tcp') return '';
  const credentials = /^basic +([\w+/=-]+)$/i.exec(authorization(exchange));
  return credentials ? Buffer.from(credentials[1]!, 'base64').toString('utf8').split(':', 1)[0]! : '';
}

function authorization(exchange: HttpExchange): string {
  return exchange.request.header('authorization') ?? '';
}

/** As Apache escapes: `\"`, `\\`, and `\xhh` for everything that is not printable ASCII (`\uhhhh` where two digits are too few). */
function escapeQuoted(text: string): string {
  return /[^ !#-[\]-~]/.test(text) ? text.replaceAll(/[^ !#-[\]-~]/g, escapeCharacter) : text;
}

/** For what stands without quotes: a space or a bracket would shift the fields behind it. */
function escapeBare(text: string): string {
  return /[^!#-Z^-~]/.test(text) ? text.replaceAll(/[^!#-Z^-~]/g, escapeCharacter) : text;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  const hex = character.charCodeAt(0).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** `JSON.stringify` leaves DEL, C1 controls (a terminal may obey them) and U+2028 as they are. */
function toAsciiJson(json: string): string {
  return /[^ -~]/.test(json) ? json.replaceAll(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`) : json;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Most lines of a busy second share their time: it is written once. */
const lastClf = { second: Number.NaN, text: '' };
const lastIso = { second: Number.NaN, text: '' };

/** `[23/Nov/2026:00:58:51 +0000]`; UTC, so that no hour comes twice in autumn. */
function clfTime(wallTime: number): string {
  const second = Math.floor(wallTime / 1000);
  if (second !== lastClf.second) {
    const iso = new Date(second * 1000).toISOString();
    lastClf.second = second;
    lastClf.text = `[${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000]`;
  }
  return lastClf.text;
}

function isoTime(wallTime: number): string {
  const second = Math.floor(wallTime / 1000);
  if (second !== lastIso.second) {
    lastIso.second = second;
    lastIso.text = new Date(second * 1000).toISOString().slice(0, 20);
  }
  return `${lastIso.text}${String(Math.floor(wallTime) - second * 1000).padStart(3, '0')}Z`;
}

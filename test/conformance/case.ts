/** What a case of the table is: bytes in, what the client sees, what reaches the backend. Texts are Latin-1: one character, one byte. */

/** One write of the client; what it waits for before it goes on, a status or the proxy's end of the connection; or its own end of it. */
export type Step = string | { readonly until: number | 'end' } | { readonly end: 'fin' | 'reset' };

/** One write of the origin, or its own end of the connection. */
export type Part = string | { readonly end: 'fin' | 'reset' };

/** What the recording origin does with each request that is no marker. */
export interface OriginScript {
  /** For the first request, the second, …; the last one again for the rest. Several parts are several writes. Default: 200. */
  readonly answers?: readonly (string | readonly Part[])[];
  /** Default `request`: it answers when the request is complete; `head`: as soon as its head is. */
  readonly at?: 'request' | 'head';
  /** Sent as soon as the head is there: a 100, a 103. */
  readonly interim?: string;
}

/** A whole message as raw bytes, or what came of one before the proxy ended the connection. */
export type Reached = string | { readonly cut: string };
/** A status; `cut`: the response broke off, and the client could see that. */
export type Answer = number | `${number} cut`;

export interface Expectation {
  /** Interim ones too, in order. */
  readonly answers: readonly Answer[];
  /** `kept`: another request on it is answered; `closed`: FIN; `tunnel`: behind a 101. */
  readonly connection: 'kept' | 'closed' | 'reset' | 'tunnel';
  /** All messages that the origin got, in order, byte for byte. Behind a 101 what was tunnelled is one more. */
  readonly reaches: readonly Reached[];
  /** The connection to the backend is ended by the proxy, and not used again; false: it is kept. Where it matters. */
  readonly dropsUpstream?: boolean;
  /** All bytes that the client gets; where the response matters. */
  readonly client?: string;
}

export interface Case {
  /** Row of the requirements: 1 to 51 and 71. */
  readonly row: number;
  /** Unique within its row. */
  readonly name: string;
  /** Sections and advisories. */
  readonly rfc: string;
  readonly send: readonly Step[];
  readonly origin: OriginScript;
  readonly expect: Expectation;
  /** nginx and HAProxy both answer otherwise: why the table is right. A test holds these notes against what they do. */
  readonly bothDiffer?: string;
}
export type CaseOfRule = Omit<Case, 'row' | 'rfc'>;

/** Cases of one requirement. */
export function rule(row: number, rfc: string, cases: readonly CaseOfRule[]): Case[] {
  return cases.map((one) => ({ row, rfc, ...one }));
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** What would be a request of its own to whoever loses count. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n';

/** In place of the origin's own address, which differs from run to run. */
export const ORIGIN = 'origin.example:80';

type Given = string | readonly Step[];
interface More {
  readonly origin?: OriginScript;
}

/** Refused, closed, and the backend hears nothing of it. */
export function refuse(name: string, send: Given, status = 400, more: More = {}): CaseOfRule {
  return build(name, send, { answers: [status], connection: 'closed', reaches: [] }, more);
}
/** Forwarded, answered by 200, connection kept. @param reaches default: the bytes as sent */
export function pass(name: string, send: Given, reaches: Reached | readonly Reached[] = texts(send), more: More = {}): CaseOfRule {
  return build(name, send, { answers: [200], connection: 'kept', reaches: typeof reaches === 'string' || 'cut' in reaches ? [reaches] : reaches }, more);
}
/** Anything else. */
export function expecting(name: string, send: Given, expect: Expectation, more: More = {}): CaseOfRule {
  return build(name, send, expect, more);
}

function build(name: string, send: Given, expect: Expectation, { origin = {} }: More): CaseOfRule {
  return { name, send: typeof send === 'string' ? [send] : send, origin, expect };
}
function texts(send: Given): string {
  return typeof send === 'string' ? send : send.filter((step) => typeof step === 'string').join('');
}

/** Cases where nginx and HAProxy both do otherwise, and why the table is right. */
export function bothDiffer(why: string, cases: readonly CaseOfRule[]): CaseOfRule[] {
  return cases.map((one) => ({ ...one, bothDiffer: why }));
}

/** Lines, each ended by CRLF, and the empty one. */
export function lines(...all: readonly string[]): string {
  return [...all, '', ''].join('\r\n');
}
export function get(...fields: readonly string[]): string {
  return lines('GET /x HTTP/1.1', 'Host: a.example', ...fields);
}
export function post(fields: readonly string[], body: string): string {
  return lines('POST /x HTTP/1.1', 'Host: a.example', ...fields) + body;
}
/** A chunked POST with this body as it is on the wire. */
export function chunked(body: string, ...fields: readonly string[]): string {
  return post(['Transfer-Encoding: chunked', ...fields], body);
}
/** A request of this first line. */
export function first(line: string): string {
  return lines(line, 'Host: a.example');
}
/** One byte a write. */
export function singly(text: string): string[] {
  return Array.from(text);
}

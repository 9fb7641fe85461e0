/**
 * The fields that the core itself has to do with. Each name has a hash of its length, first and last letter: the hashes of the
 * known names differ, so one table look-up and one comparison find the id; other names keep the hash alone, for look-ups.
 */
import { ALIKE, LOWER } from './grammar.ts';

/** No field of the core's. */
export const OTHER = 0;
export const HOST = 1;
export const CONTENT_LENGTH = 2;
export const TRANSFER_ENCODING = 3;
export const CONNECTION = 4;
export const UPGRADE = 5;
export const EXPECT = 6;
/** `Forwarded` and all `X-Forwarded-*`. */
export const FORWARDING = 7;
/** Ends at the next hop, and the core has no use for its value. */
const HOP_BY_HOP = 8;
export const HTTP2_SETTINGS = 9;
/**
 * A forwarding field spelled with underscores (`X_Forwarded-For`). CGI, WSGI and Rack take both spellings for one name, so it would say
 * beside ours, or over it, what a client likes (CVE-2024-45614). No honest proxy writes it: it never goes on, whoever is trusted.
 */
const LOOK_ALIKE = 10;

const IDS: Readonly<Record<string, number>> = {
  host: HOST,
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  connection: CONNECTION,
  upgrade: UPGRADE,
  expect: EXPECT,
  forwarded: FORWARDING,
  // RFC 9110 §7.6.1 lists these as to be removed even where Connection does not name them.
  'keep-alive': HOP_BY_HOP,
  'proxy-connection': HOP_BY_HOP,
  te: HOP_BY_HOP,
  // RFC 7540 §3.2.1: only with `Upgrade: h2c`, which never passes.
  'http2-settings': HTTP2_SETTINGS,
  // RFC 9110 §11.7: credentials and challenges between a proxy and its neighbour. We ask for none, and a backend is none of those.
  'proxy-authenticate': HOP_BY_HOP,
  'proxy-authorization': HOP_BY_HOP,
  'proxy-authentication-info': HOP_BY_HOP,
};

/** What says where a message ends and which hop a field is for: only the core writes it. `Expect` decides when a body is sent. In small letters. */
export const FRAMING_NAMES: ReadonlySet<string> = new Set([
  'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'trailer', 'http2-settings', 'expect',
]);

const X_FORWARDED = 'x-forwarded-';
const NAMES: string[] = Array.from({ length: 256 }, () => '');
const ID_OF_HASH = new Uint8Array(256);
for (const [name, id] of Object.entries(IDS)) {
  const hash = hashOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  if (NAMES[hash] !== '') throw new Error(`the field names ${name} and ${NAMES[hash]} have one hash: choose other factors`);
  NAMES[hash] = name;
  ID_OF_HASH[hash] = id;
}

/** 0 to 255, the same for capitals and small letters. For tokens: `| 0x20` makes letters small and keeps others apart from most. */
export function hashOf(length: number, first: number, last: number): number {
  return (length * 7 + (first | 0x20) * 3 + (last | 0x20) * 29) & 0xff;
}

export function hashOfName(name: string): number {
  return name === '' ? 0 : hashOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
}

/** The id of the name in [start, end), whose hash the caller has. */
export function idOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
  const id = ID_OF_HASH[hash]!;
  if (id !== OTHER && equalsFrom(NAMES[hash]!, bytes, start, end - start)) return id;
  if (end - start <= X_FORWARDED.length || (bytes[start]! | 0x20) !== 0x78 || !startsAlike(X_FORWARDED, bytes, start)) return OTHER;
  return startsWith(X_FORWARDED, bytes, start) ? FORWARDING : LOOK_ALIKE;
}

function equalsFrom(name: string, bytes: Uint8Array, start: number, length: number): boolean {
  return name.length === length && startsWith(name, bytes, start);
}
function startsWith(prefix: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (LOWER[bytes[start + i]!] !== prefix.charCodeAt(i)) return false;
  }
  return true;
}
function startsAlike(name: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    if (ALIKE[bytes[start + i]!] !== name.charCodeAt(i)) return false;
  }
  return true;
}

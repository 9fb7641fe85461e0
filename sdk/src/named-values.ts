/** One value of a `Cookie` field or of a query, found without taking the whole apart. Each looks at every character at most a few times. */

/** Of the first cookie of this name, as it came but for white space around it; `undefined` = there is none. RFC 6265 §4.2.1, and §5.4 for what is sent. */
export function cookieValue(field: string, name: string): string | undefined {
  for (let at = 0; at < field.length;) {
    const semicolon = field.indexOf(';', at);
    const end = semicolon < 0 ? field.length : semicolon;
    const equals = field.indexOf('=', at);
    // The next pair's `=` is further than this pair's end: then nothing of what is left is searched twice.
    if (equals < 0) return undefined;
    if (equals < end && isTrimmed(field, at, equals, name)) return field.slice(equals + 1, end).trim();
    at = (equals < end ? end : field.lastIndexOf(';', equals)) + 1;
  }
  return undefined;
}

/**
 * Of the first parameter of this name, decoded as `URLSearchParams` does (WHATWG URL §5.1); `undefined` = there is none.
 * @param name its bytes in UTF-8: names are compared as they stand, for a query may have thousands, each of which would cost a microsecond to decode.
 */
export function queryValue(query: string, name: Uint8Array): string | undefined {
  for (let at = 0; at <= query.length;) {
    const ampersand = query.indexOf('&', at);
    const end = ampersand < 0 ? query.length : ampersand;
    const equals = endOfName(query, at, end, name);
    if (end > at && equals >= 0) return decoded(query.slice(Math.min(equals + 1, end), end));
    at = end + 1;
  }
  return undefined;
}

const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;
const TAB = 0x09;
/** What forms encode with: without it a text stands for itself. Lone surrogates are replaced. */
const ENCODED = /[%+\ud800-\udfff]/;

/** Whether the part of the text is the name, white space around it left out. */
function isTrimmed(text: string, from: number, to: number, name: string): boolean {
  let begin = from;
  let end = to;
  while (begin < end && isBlank(text.charCodeAt(begin))) begin++;
  while (end > begin && isBlank(text.charCodeAt(end - 1))) end--;
  return end - begin === name.length && text.startsWith(name, begin);
}
function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Where the name of the parameter ends, if it is this one; otherwise -1. Bytes that are no UTF-8 are in no name. */
function endOfName(query: string, from: number, end: number, name: Uint8Array): number {
  let at = from;
  let matched = 0;
  for (; at < end && query.charCodeAt(at) !== EQUALS; matched++) {
    let byte = query.charCodeAt(at);
    // A request line has ASCII alone (RFC 3986 §2); a query from elsewhere may have more.
    if (byte > 0x7f) return endOfRawName(query, from, end, name);
    let length = 1;
    if (byte === PLUS) byte = SPACE;
    else if (byte === PERCENT && at + 2 < end) {
      const high = hexDigit(query.charCodeAt(at + 1));
      const low = hexDigit(query.charCodeAt(at + 2));
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        length = 3;
      }
    }
    if (byte !== name[matched]) return -1;
    at += length;
  }
  return matched === name.length ? at : -1;
}

function endOfRawName(query: string, from: number, end: number, name: Uint8Array): number {
  const equals = query.slice(from, end).indexOf('=');
  const to = equals < 0 ? end : from + equals;
  return decoded(query.slice(from, to)) === new TextDecoder('utf-8', { ignoreBOM: true }).decode(name) ? to : -1;
}

/** -1 = it is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Wrong escapes stay as they are, bytes that are no UTF-8 become U+FFFD: `decodeURIComponent` would throw. */
function decoded(text: string): string {
  return ENCODED.test(text) ? new URLSearchParams(`=${text}`).get('')! : text;
}

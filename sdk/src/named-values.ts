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

/** Of the first parameter of this name, decoded as `URLSearchParams` does (WHATWG URL §5.1); `undefined` = there is none. */
export function queryValue(query: string, name: string): string | undefined {
  for (let at = 0; at <= query.length;) {
    const ampersand = query.indexOf('&', at);
    const end = ampersand < 0 ? query.length : ampersand;
    let equals = at;
    while (equals < end && query.charCodeAt(equals) !== EQUALS) equals++;
    if (end > at && isDecoded(query, at, equals, name)) return decoded(query.slice(Math.min(equals + 1, end), end));
    at = end + 1;
  }
  return undefined;
}

const EQUALS = 0x3d;
const SPACE = 0x20;
const TAB = 0x09;
/** What forms encode with: without it a name or value stands for itself. Lone surrogates are replaced. */
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

function isDecoded(text: string, from: number, to: number, name: string): boolean {
  const part = text.slice(from, to);
  return ENCODED.test(part) ? decoded(part) === name : part === name;
}

/** Wrong escapes stay as they are, bytes that are no UTF-8 become U+FFFD: `decodeURIComponent` would throw. */
function decoded(text: string): string {
  return ENCODED.test(text) ? new URLSearchParams(`=${text}`).get('')! : text;
}

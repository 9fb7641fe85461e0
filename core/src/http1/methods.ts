/** Methods by their bytes, so that no string is made for the usual ones (RFC 9110 §9; PATCH: RFC 5789). */

export const OTHER_METHOD = 0;
export const HEAD = 2;
export const OPTIONS = 3;
export const CONNECT = 7;
const NAMES = ['', 'GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'CONNECT', 'POST', 'PATCH'];
/** RFC 9110 §9.2.2: asking twice has the effect of asking once. */
const LAST_IDEMPOTENT = 6;

/** Index in NAMES. Methods are case-sensitive: `get` is another one. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  for (let method = 1; method < NAMES.length; method++) {
    const name = NAMES[method]!;
    if (name.length === end - start && name.charCodeAt(0) === bytes[start] && equals(name, bytes, start)) return method;
  }
  return OTHER_METHOD;
}

/** '' for `OTHER_METHOD`. */
export function methodName(method: number): string {
  return NAMES[method]!;
}

export function isIdempotentMethod(method: number): boolean {
  return method >= 1 && method <= LAST_IDEMPOTENT;
}

function equals(name: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 1; i < name.length; i++) {
    if (bytes[start + i] !== name.charCodeAt(i)) return false;
  }
  return true;
}

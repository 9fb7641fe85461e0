/** Cookies as far as they are needed here: one value of a `Cookie` field, and one `Set-Cookie` field (RFC 6265 §4). */

/**
 * The value of the first cookie of this name; `undefined` = there is none. Names are compared exactly, and a name that only ends in the wanted one is
 * another cookie.
 */
export function cookieValue(field: string, name: string): string | undefined {
  let at = 0;
  while (at < field.length) {
    let end = field.indexOf(';', at);
    if (end < 0) end = field.length;
    while (field[at] === ' ' || field[at] === '\t') at++;
    if (field.startsWith(name, at) && field[at + name.length] === '=') return unquoted(field.slice(at + name.length + 1, end).trim());
    at = end + 1;
  }
  return undefined;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

export interface CookieAttributes {
  readonly path: string;
  readonly domain: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'strict' | 'lax' | 'none';
  /** Seconds; `null` = until the browser is closed. */
  readonly maxAgeS: number | null;
}

export function setCookie(name: string, value: string, { path, domain, secure, httpOnly, sameSite, maxAgeS }: CookieAttributes): string {
  const parts = [`${name}=${value}`, `Path=${path}`];
  if (domain !== '') parts.push(`Domain=${domain}`);
  if (maxAgeS !== null) parts.push(`Max-Age=${maxAgeS}`);
  if (httpOnly) parts.push('HttpOnly');
  if (secure) parts.push('Secure');
  parts.push(`SameSite=${sameSite[0]!.toUpperCase()}${sameSite.slice(1)}`);
  return parts.join('; ');
}

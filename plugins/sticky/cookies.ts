/** A `Set-Cookie` field (RFC 6265 §4.1), and what `keyReader` does not read of a `Cookie` field: the values of a name that stands there more than once. */

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

/** Whether one of the `Set-Cookie` fields gives the cookie a value: an empty one takes it back. */
export function setsCookie(fields: readonly string[], name: string): boolean {
  return fields.some((field) => field.startsWith(`${name}=`) && field.length > name.length + 1 && field[name.length + 1] !== ';');
}

/** More of one name are nobody's but an attacker's. */
const MOST_VALUES = 16;

/**
 * The values of all cookies of the name, as they came but for white space around them. A browser sends one for each path and domain (RFC 6265 §5.4), the
 * longest path and the oldest first, and any neighbour in the domain may have set one. Allocates: for clients whose first one is of no use.
 */
export function cookieValues(fields: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (const field of fields) {
    for (const pair of field.split(';')) {
      const equals = pair.indexOf('=');
      if (equals >= 0 && pair.slice(0, equals).trim() === name && values.push(pair.slice(equals + 1).trim()) === MOST_VALUES) return values;
    }
  }
  return values;
}

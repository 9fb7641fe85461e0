/** A `Set-Cookie` field (RFC 6265 §4.1). Reading is the part of `keyReader`: the house has one reader of cookies. */

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

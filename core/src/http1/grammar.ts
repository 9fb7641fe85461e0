/** Which bytes may stand where (RFC 9110 §5, RFC 9112 §3, RFC 3986 §2), as tables of 256: one load per byte. */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const COLON = 0x3a;

/** RFC 9110 §5.6.2: what names, methods and options are made of. */
export const TOKEN = table((byte) => isAlphaNumeric(byte) || isOneOf(byte, "!#$%&'*+-.^_`|~"));
/** RFC 9110 §5.5: field-content and the white space in it. No other control, no DEL. */
export const VALUE = table((byte) => byte === HTAB || (byte >= SP && byte !== 0x7f));
/** A request target: visible ASCII without the fragment mark, which never goes on the wire (RFC 9112 §3.2). */
export const TARGET = table((byte) => byte > SP && byte < 0x7f && byte !== 0x23);
/** RFC 3986 §3.2.2: reg-name without percent triplets; an IPv4 address is one of these too. */
export const REG_NAME = table((byte) => isUnreserved(byte) || isOneOf(byte, "!$&'()*+,;="));
/** ASCII capitals to small letters, every other byte to itself. */
export const LOWER = table((byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte));
/** As `LOWER`, and an underscore to a dash: what CGI, WSGI and Rack make one name of. */
export const ALIKE = table((byte) => (byte === 0x5f ? 0x2d : LOWER[byte]!));
/** The value of a hexadecimal digit, 0xff for every other byte. */
export const HEX = table((byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return digit < 0 ? 0xff : digit;
});

/** RFC 3986 §2.3. */
export function isUnreserved(byte: number): boolean {
  return isAlphaNumeric(byte) || isOneOf(byte, '-._~');
}

/** Whether the bytes are this text, which is given in lower case. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, end: number, lowerCase: string): boolean {
  if (end - start !== lowerCase.length) return false;
  for (let i = 0; i < lowerCase.length; i++) {
    if (LOWER[bytes[start + i]!] !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether two ranges of the same bytes are the same text, whatever their case. */
export function isSameIgnoringCase(bytes: Uint8Array, one: number, other: number, size: number): boolean {
  for (let i = 0; i < size; i++) {
    if (LOWER[bytes[one + i]!] !== LOWER[bytes[other + i]!]) return false;
  }
  return true;
}

function table(value: (byte: number) => number | boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(value(byte)));
}
function isAlphaNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
function isOneOf(byte: number, characters: string): boolean {
  return characters.includes(String.fromCharCode(byte));
}

/** IP addresses and ranges of them, and who the client is behind trusted proxies. */

/** An address as four 32-bit words; an IPv4 address (mapped into IPv6 or not) in the last, with `isV4`. */
export interface ParsedAddress {
  readonly isV4: boolean;
  readonly words: readonly [number, number, number, number];
}
export interface AddressRange extends ParsedAddress {
  /** Leading bits that count: 0 to 32 for IPv4, to 128 for IPv6. */
  readonly bits: number;
}

/** Addresses and CIDR ranges. IPv4 addresses match IPv4 ranges only, in whichever of their two forms they come. */
export class AddressSet {
  readonly isEmpty: boolean;
  /** Base and mask by turns. */
  readonly #v4: Int32Array;
  /** Four words of base and four of mask by turns. */
  readonly #v6: Int32Array;

  /** @throws RangeError for a range that is none; the config refuses it before. */
  constructor(ranges: readonly string[]) {
    const parsed = ranges.map((text) => {
      const range = parseRange(text);
      if (typeof range === 'string') throw new RangeError(`${text}: ${range}`);
      return range;
    });
    this.isEmpty = parsed.length === 0;
    this.#v4 = Int32Array.from(parsed.filter((range) => range.isV4).flatMap(({ words, bits }) => [words[3] & maskOf(bits), maskOf(bits)]));
    this.#v6 = Int32Array.from(
      parsed.filter((range) => !range.isV4).flatMap(({ words, bits }) => {
        const masks = [0, 1, 2, 3].map((word) => maskOf(Math.max(0, Math.min(32, bits - 32 * word))));
        return [...words.map((word, at) => word & masks[at]!), ...masks];
      }),
    );
  }

  /** False for what is no address. */
  has(address: string): boolean {
    if (this.isEmpty) return false;
    const parsed = parseAddress(address);
    return parsed !== undefined && this.hasParsed(parsed);
  }

  hasParsed({ isV4, words }: ParsedAddress): boolean {
    if (isV4) {
      const v4 = this.#v4;
      for (let i = 0; i < v4.length; i += 2) if ((words[3] & v4[i + 1]!) === v4[i]!) return true;
      return false;
    }
    const v6 = this.#v6;
    for (let i = 0; i < v6.length; i += 8) {
      if ((words[0] & v6[i + 4]!) === v6[i]! && (words[1] & v6[i + 5]!) === v6[i + 1]! && (words[2] & v6[i + 6]!) === v6[i + 2]! && (words[3] & v6[i + 7]!) === v6[i + 3]!) return true;
    }
    return false;
  }
}

/** JavaScript shifts by 32 as by 0. */
function maskOf(bits: number): number {
  return bits === 0 ? 0 : (-1 << (32 - bits)) | 0;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. A string is the reason why it is no range. */
export function parseRange(text: string): AddressRange | string {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return 'this is no IP address';
  const wasV4 = !text.includes(':');
  const most = wasV4 ? 32 : 128;
  const written = slash < 0 ? String(most) : text.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(written) ? Number(written) : Infinity;
  if (bits > most) return `behind "/" stands a number from 0 to ${most}`;
  if (!address.isV4 || wasV4) return { ...address, bits };
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  return bits >= 96 ? { ...address, bits: bits - 96 } : 'a range of IPv4 addresses within IPv6 is written with 96 bits or more';
}

/** Strict: no leading zeros (some readers take them for octal), no short forms. A zone (`%eth0`) is left out. */
export function parseAddress(text: string): ParsedAddress | undefined {
  if (!text.includes(':')) {
    const v4 = parseV4(text, 0);
    return v4 === NO_V4 ? undefined : { isV4: true, words: [0, 0, 0xffff, v4 | 0] };
  }
  return parseV6(text);
}

const NO_V4 = -1;
/** Unsigned, or `NO_V4`. */
function parseV4(text: string, start: number): number {
  let address = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let at = start; at <= text.length; at++) {
    const digit = at === text.length ? DOT : text.charCodeAt(at);
    if (digit === DOT) {
      if (digits === 0 || octet > 255) return NO_V4;
      address = address * 256 + octet;
      octet = 0;
      digits = 0;
      dots += 1;
    } else if (digit >= 0x30 && digit <= 0x39) {
      if (digits === 3 || (digits === 1 && octet === 0)) return NO_V4;
      octet = octet * 10 + digit - 0x30;
      digits += 1;
    } else {
      return NO_V4;
    }
  }
  return dots === 4 ? address : NO_V4;
}
const DOT = 0x2e;

/** Names of interfaces; anything else comes from somebody who writes what he likes into X-Forwarded-For. */
const ZONE = /^[0-9A-Za-z.-]{1,32}$/;

function parseV6(text: string): ParsedAddress | undefined {
  const zone = text.indexOf('%');
  if (zone >= 0 && !ZONE.test(text.slice(zone + 1))) return undefined;
  const address = zone < 0 ? text : text.slice(0, zone);
  // 45 characters are the longest form: six groups and a dotted address.
  if (address.length > 45) return undefined;
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: zeros }, () => 0), ...tail];
  const word = (at: number): number => ((groups[at]! << 16) | groups[at + 1]!) | 0;
  const words = [word(0), word(2), word(4), word(6)] as const;
  return { isV4: words[0] === 0 && words[1] === 0 && words[2] === 0xffff, words };
}

/** The 16-bit groups between colons; a dotted IPv4 address at the very end counts as two. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (mayEndDotted && index === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part, 0);
      if (v4 === NO_V4) return undefined;
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/**
 * The client's address: `X-Forwarded-For` is walked from its right end as long as what spoke is trusted. Whoever spoke to the
 * outermost trusted proxy is the client. What is no address ends the walk there: it may be anybody's invention.
 * @param remote address of the connection's peer
 * @param xForwardedFor all fields of the name, joined by commas
 */
export function clientFromForwarded(remote: string, xForwardedFor: string | undefined, trusted: AddressSet): string {
  if (xForwardedFor === undefined || !trusted.has(remote)) return remote;
  let client = remote;
  let end = xForwardedFor.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : xForwardedFor.lastIndexOf(',', end - 1);
    const address = addressOf(xForwardedFor.slice(comma + 1, end).trim());
    const parsed = parseAddress(address);
    if (parsed === undefined) return client;
    client = address;
    if (!trusted.hasParsed(parsed)) return client;
    end = comma;
  }
  return client;
}

/** Some proxies write a port, and IPv6 in brackets. An IPv4 address mapped into IPv6 is given as IPv4. */
function addressOf(entry: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry);
  if (bracketed !== null) return unmapped(bracketed[1]!);
  const withPort = /^([\d.]+):\d{1,5}$/.exec(entry);
  return withPort === null ? unmapped(entry) : withPort[1]!;
}

function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

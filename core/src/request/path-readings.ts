/**
 * Paths that backends read in more than one way. RFC 3986 keeps all of these as they are (§2.2, §3.3), and so do we; yet some backends
 * take `%2F`, `\` and `%5C` for separators, skip `;parameters`, or empty segments, and resolve the dot segments that this uncovers:
 * to them `/a%2Fb`, `/x/..;/a/b` and `//a/b` are `/a/b`.
 */
import { resolveDotSegments } from '../http1/target.ts';

const ENCODED_SLASHES = 1;
const BACKSLASHES = 2;
const PARAMETERS = 4;
const EMPTY_SEGMENTS = 8;

/** In what one kind of backend differs from RFC 3986. */
export interface Reading {
  readonly subtleties: number;
  /** Whether parameters are cut off before or after segments are told apart: `/a;%2F..` is two things. */
  readonly cutsFirst: boolean;
}

/** Every combination, for nobody knows which backend it will be. */
export const READINGS: readonly Reading[] = Array.from({ length: 15 }, (_, place) => place + 1).flatMap((subtleties) => {
  const isOrdered = (subtleties & PARAMETERS) !== 0 && (subtleties & (ENCODED_SLASHES | BACKSLASHES)) !== 0;
  return isOrdered ? [{ subtleties, cutsFirst: true }, { subtleties, cutsFirst: false }] : [{ subtleties, cutsFirst: true }];
});

const ANY = /%2F|%5C|[\\;]|\/\//i;

/** What readers may differ in, of a path in normal form; 0 = nothing, as almost always. */
export function subtletiesOf(path: string): number {
  if (!ANY.test(path)) return 0;
  // Each of the others can leave an empty segment behind.
  return (/%2F/i.test(path) ? ENCODED_SLASHES : 0) | (/\\|%5C/i.test(path) ? BACKSLASHES : 0) | (path.includes(';') ? PARAMETERS : 0) | EMPTY_SEGMENTS;
}

/** Each of two dozen readings looks at each place. Base64 with encoded slashes has 128 of them in the longest path that is taken by default. */
const MOST_PLACES = 256;
const PLACE = /%2F|%5C|[\\;]|\/\//gi;

/** Whether readers may differ in more places than anybody's path has: to read it in every way would cost hundreds of times what a request does. */
export function isTooSubtle(path: string): boolean {
  PLACE.lastIndex = 0;
  for (let places = 0; PLACE.test(path);) if (++places > MOST_PLACES) return true;
  return false;
}

/** Whether the reading has nothing to it that the path lacks: then another one gives the same. */
export function concerns({ subtleties }: Reading, present: number): boolean {
  return (subtleties & ~present) === 0;
}

/** The path, in normal form, as such a backend understands it. */
export function readPath(path: string, reading: Reading): string {
  const read = separate(path, reading);
  return read.includes('/.') ? resolveDotSegments(read) : read;
}

/** As `readPath`, but dot segments stay: for patterns. */
export function separate(path: string, { subtleties, cutsFirst }: Reading): string {
  const cuts = (subtleties & PARAMETERS) !== 0;
  let read = cuts && cutsFirst ? cut(path) : path;
  if ((subtleties & ENCODED_SLASHES) !== 0) read = read.replace(/%2F/gi, '/');
  if ((subtleties & BACKSLASHES) !== 0) read = read.replace(/%5C|\\/gi, '/');
  if (cuts && !cutsFirst) read = cut(read);
  return (subtleties & EMPTY_SEGMENTS) !== 0 ? read.replace(/\/{2,}/g, '/') : read;
}
function cut(path: string): string {
  return path.replace(/;[^/]*/g, '');
}

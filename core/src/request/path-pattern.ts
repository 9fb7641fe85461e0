/** The grammar of `match.path`, and how a pattern is held against a normalised path without allocating. */
import { normalisePath } from '../http1/target.ts';
import { separate, type Reading } from './path-readings.ts';

/** `/health`, `/api/*`, `/users/:id/posts`, or both: `/users/:id/*`. */
export interface PathPattern {
  /** Literal segments; '' stands for a `:name`. */
  readonly segments: readonly string[];
  /** Of the `:name` segments, in order. */
  readonly names: readonly string[];
  /** Ends in `/*`: the folder itself and all below it. */
  readonly folder: boolean;
  /** Without names: the path itself, or the folder's without a slash at its end. '' otherwise. */
  readonly literal: string;
}

/** The pattern, or what is wrong with it. */
export function parsePattern(pattern: string): PathPattern | { problem: string; hint: string } {
  if (!pattern.startsWith('/')) return { problem: 'a path begins with "/"', hint: `did you mean "/${pattern}"?` };
  if (/[?#]/.test(pattern)) return { problem: 'a path has no "?" and no "#"', hint: 'the query is no part of the match' };
  if (/\s/.test(pattern)) return { problem: 'a path has no spaces', hint: 'write %20' };
  const folder = pattern.endsWith('/*');
  const body = folder ? pattern.slice(0, -2) : pattern;
  if (body.includes('*')) return { problem: '"*" stands at the end, behind "/", for a folder and all below it', hint: 'for anything else take a RegExp' };
  const names: string[] = [];
  const segments: string[] = [];
  for (const segment of body.split('/').slice(1)) {
    if (!segment.startsWith(':')) {
      segments.push(normaliseLiteral(segment));
      continue;
    }
    const name = segment.slice(1);
    if (!/^[A-Za-z_]\w*$/.test(name)) return { problem: `"${segment}" is no name: letters, digits and "_" behind ":", for a whole segment`, hint: 'for anything else take a RegExp' };
    if (names.includes(name)) return { problem: `":${name}" stands in it twice`, hint: '' };
    names.push(name);
    segments.push('');
  }
  if (segments.some((segment) => segment === '.' || segment === '..')) return { problem: '"." and ".." never arrive: paths are compared with dot segments resolved', hint: '' };
  const literal = names.length > 0 ? '' : segments.map((segment) => `/${segment}`).join('');
  return { segments, names, folder, literal };
}

/** A good pattern for paths that are read in this way: `/a%2Fb` may be `/a/b`. */
export function patternAsRead(pattern: string, reading: Reading): PathPattern | undefined {
  const read = parsePattern(separate(pattern, reading));
  // `/a%2F..`: what that would be, never arrives.
  return 'problem' in read ? undefined : read;
}

/** As arriving paths are compared: what is not ASCII as triplets, unreserved characters decoded. */
function normaliseLiteral(segment: string): string {
  return normalisePath(segment.replace(/[^!-~]+/gu, encodeURIComponent));
}

/** Whether a normalised path fits. */
export function matchesPattern(pattern: PathPattern, path: string): boolean {
  if (pattern.names.length > 0) return walk(pattern, path, undefined);
  const { literal } = pattern;
  if (!pattern.folder) return path === literal;
  // `/*` has the empty literal, and everything that begins with a slash is below it.
  return path.startsWith(literal) && (path.length === literal.length ? literal !== '' : path.charCodeAt(literal.length) === SLASH);
}

/** The segments behind the names. Call it on a path that matches. */
export function captureNames(pattern: PathPattern, path: string): string[] {
  const values: string[] = [];
  walk(pattern, path, values);
  return values;
}

const SLASH = 0x2f;

function walk({ segments, folder }: PathPattern, path: string, values: string[] | undefined): boolean {
  let at = 0;
  for (const segment of segments) {
    if (path.charCodeAt(at) !== SLASH) return false;
    const start = at + 1;
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    if (segment === '') {
      // A name stands for something.
      if (end === start) return false;
      values?.push(path.slice(start, end));
    } else if (end - start !== segment.length || !path.startsWith(segment, start)) {
      return false;
    }
    at = end;
  }
  return folder || at === path.length;
}

/** Which route a request takes, and what its rewrite makes of the target. The first route in the order of the config wins. */
import type { RequestHead } from '@steelyard/sdk';
import type { ResolvedRoute } from '../config/resolved.ts';
import { normalisePath } from '../http1/target.ts';
import { captureNames, matchesPattern, parsePattern, patternAsRead, type PathPattern } from './path-pattern.ts';
import { READINGS, concerns, isTooSubtle, readPath, subtletiesOf, type Reading } from './path-readings.ts';

/** One of a fixed set of objects, made once per route; a new one only where the rewrite needs what stood behind `:names`. */
export interface RouteMatchResult {
  readonly route: ResolvedRoute;
  /** Place in the list that the table was made of. */
  readonly index: number;
  /** What `rewriteTarget` goes by. */
  readonly rewrite: CompiledRewrite | undefined;
  /** Segments behind the names that `rewrite.path` uses. */
  readonly params: Readonly<Record<string, string>>;
}

export class RouteTable {
  readonly #anyHost: readonly CompiledRoute[];
  /** For each host that a route names: what can match it, wildcards included. */
  readonly #byHost: ReadonlyMap<string, readonly CompiledRoute[]>;
  /** For each `*.suffix`, without the star: what can match a host that ends in it and in no longer one. */
  readonly #bySuffix: ReadonlyMap<string, readonly CompiledRoute[]>;
  readonly #looksAtHost: boolean;
  /** Whether any route of the table depends on the path. */
  readonly looksAtPath: boolean;
  readonly #catchAll: CompiledRoute | undefined;

  constructor(routes: readonly ResolvedRoute[]) {
    const compiled = routes.map((route, index) => new CompiledRoute(route, index));
    const hosts = new Set(routes.flatMap((route) => route.hosts));
    this.#looksAtHost = hosts.size > 0;
    this.looksAtPath = compiled.some((route) => route.looksAtPath);
    this.#anyHost = compiled.filter(({ route }) => route.hosts.length === 0);
    const exact = [...hosts].filter((host) => !host.startsWith('*.'));
    const suffixes = [...hosts].filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
    this.#byHost = new Map(exact.map((host) => [host, compiled.filter(({ route }) => admitsHost(route, host))]));
    this.#bySuffix = new Map(suffixes.map((suffix) => [suffix, compiled.filter(({ route }) => route.hosts.length === 0 || route.hosts.some((host) => host.startsWith('*') && suffix.endsWith(host.slice(1))))]));
    this.#catchAll = compiled[0]?.isCatchAll === true ? compiled[0] : undefined;
  }

  /** Allocates nothing where no route looks at host or path, and no rewrite uses a `:name`. */
  match(request: RequestHead): RouteMatchResult | undefined {
    if (this.#catchAll !== undefined) return this.#catchAll;
    const candidates = this.#looksAtHost ? this.#candidates(request.host) : this.#anyHost;
    let path: string | undefined;
    for (let i = 0; i < candidates.length; i++) {
      const route = candidates[i]!;
      if (!route.admitsMethod(request)) continue;
      if (route.looksAtPath && !route.admitsPath((path ??= request.path))) continue;
      if (!route.admitsHeaders(request)) continue;
      return route.needsParams ? route.withParams(path!) : route;
    }
    return undefined;
  }

  /**
   * Whether some kind of backend reads the path as one of another route than `found`: the client would get past what stands on the
   * one or on the other. `/admin%2Fx` is not below `/admin/*`, and to some backends it is.
   */
  isAmbiguous(request: RequestHead, found: RouteMatchResult | undefined): boolean {
    if (!this.looksAtPath || this.#catchAll !== undefined) return false;
    const { path } = request;
    const present = subtletiesOf(path);
    if (present === 0) return false;
    if (isTooSubtle(path)) return true;
    const candidates = this.#looksAtHost ? this.#candidates(request.host) : this.#anyHost;
    const fitting = candidates.filter((route) => route.admitsMethod(request) && route.admitsHeaders(request));
    return READINGS.some((reading) => {
      if (!concerns(reading, present)) return false;
      const read = readPath(path, reading);
      return fitting.find((route) => !route.looksAtPath || route.admitsPathAsRead(read, reading))?.index !== found?.index;
    });
  }

  #candidates(authority: string): readonly CompiledRoute[] {
    const host = hostOf(authority);
    const exact = this.#byHost.get(host);
    if (exact !== undefined) return exact;
    if (this.#bySuffix.size > 0) {
      // One label or more stand before the suffix: an empty one (`.example.org`) is none.
      for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1)) {
        const found = this.#bySuffix.get(host.slice(dot));
        if (found !== undefined) return found;
      }
    }
    return this.#anyHost;
  }
}

/** What a route's rewrite makes of the target; `undefined` = it stays as it is. Begins with one slash always; the query stays. */
export function rewriteTarget(match: RouteMatchResult, request: RequestHead): string | undefined {
  const { rewrite } = match;
  // `*` of OPTIONS is no path.
  if (rewrite === undefined || !request.path.startsWith('/')) return undefined;
  // The form that was matched: on the received one `/%61pi/x` would keep the prefix that the route saw.
  const path = oneSlash(rewrite.apply(request.path, match.params));
  if (path === request.path) return undefined;
  return request.query === '' ? path : `${path}?${request.query}`;
}

/** `//host/x` would be another authority to some readers: what stripping uncovers begins with one slash. */
function oneSlash(path: string): string {
  return path.startsWith('//') ? path.replace(/^\/+/, '/') : path;
}

class CompiledRewrite {
  readonly #strip: string;
  readonly #add: string;
  /** Segments of `path`; those that begin with a colon are names. `undefined` = the path is not replaced. */
  readonly #template: readonly string[] | undefined;
  readonly names: readonly string[];

  constructor(rewrite: NonNullable<ResolvedRoute['rewrite']>) {
    this.#strip = normalisePath(rewrite.stripPrefix).replace(/\/+$/, '');
    this.#add = rewrite.addPrefix.replace(/\/+$/, '');
    this.#template = rewrite.path === '' ? undefined : rewrite.path.split('/');
    this.names = (this.#template ?? []).filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
  }

  apply(path: string, params: Readonly<Record<string, string>>): string {
    if (this.#template !== undefined) {
      return this.names.length === 0 ? this.#template.join('/') : this.#template.map((segment) => (segment.startsWith(':') ? (params[segment.slice(1)] ?? segment) : segment)).join('/');
    }
    const rest = this.#strip === '' ? path : stripped(path, this.#strip);
    return this.#add === '' ? rest : this.#add + oneSlash(rest);
  }
}

/** Whole segments only: `/api` is no prefix of `/apis`. */
function stripped(path: string, prefix: string): string {
  if (!path.startsWith(prefix)) return path;
  if (path.length === prefix.length) return '/';
  return path[prefix.length] === '/' ? path.slice(prefix.length) : path;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

class CompiledRoute implements RouteMatchResult {
  readonly route: ResolvedRoute;
  readonly index: number;
  readonly rewrite: CompiledRewrite | undefined;
  readonly params = NO_PARAMS;
  readonly needsParams: boolean;
  readonly looksAtPath: boolean;
  readonly isCatchAll: boolean;
  readonly #patterns: readonly PathPattern[];
  /** Those that all readers take for the same, and the others as they stand in the config. */
  readonly #plainPatterns: readonly PathPattern[];
  readonly #subtlePatterns: readonly string[];
  readonly #paths: readonly RegExp[];
  readonly #methods: readonly string[];
  readonly #headers: readonly (readonly [name: string, value: string | boolean | RegExp])[];

  constructor(route: ResolvedRoute, index: number) {
    this.route = route;
    this.index = index;
    this.rewrite = route.rewrite && (route.rewrite.stripPrefix !== '' || route.rewrite.addPrefix !== '' || route.rewrite.path !== '') ? new CompiledRewrite(route.rewrite) : undefined;
    this.needsParams = this.rewrite !== undefined && this.rewrite.names.length > 0;
    const patterns = route.paths.filter((path) => typeof path === 'string');
    this.#patterns = patterns.map(compilePattern);
    this.#plainPatterns = this.#patterns.filter((_, place) => subtletiesOf(patterns[place]!) === 0);
    this.#subtlePatterns = patterns.filter((pattern) => subtletiesOf(pattern) !== 0);
    this.#paths = route.paths.filter((path) => typeof path !== 'string').map((path) => new RegExp(path));
    this.#methods = route.methods;
    this.#headers = route.headers.map(([name, value]) => [name, typeof value === 'object' ? new RegExp(value) : value] as const);
    this.looksAtPath = route.paths.length > 0;
    this.isCatchAll = !this.looksAtPath && route.hosts.length === 0 && this.#methods.length === 0 && this.#headers.length === 0;
  }

  admitsMethod(request: RequestHead): boolean {
    return this.#methods.length === 0 || this.#methods.includes(request.method);
  }

  admitsPath(path: string): boolean {
    for (let i = 0; i < this.#patterns.length; i++) if (matchesPattern(this.#patterns[i]!, path)) return true;
    for (let i = 0; i < this.#paths.length; i++) if (test(this.#paths[i]!, path)) return true;
    return false;
  }

  /** @param path as `readPath` gives it */
  admitsPathAsRead(path: string, reading: Reading): boolean {
    for (const pattern of this.#subtlePatterns) {
      const asRead = patternAsRead(pattern, reading);
      if (asRead !== undefined && matchesPattern(asRead, path)) return true;
    }
    return this.#plainPatterns.some((pattern) => matchesPattern(pattern, path)) || this.#paths.some((regExp) => test(regExp, path));
  }

  admitsHeaders(request: RequestHead): boolean {
    for (let i = 0; i < this.#headers.length; i++) {
      const [name, wanted] = this.#headers[i]!;
      if (typeof wanted === 'boolean') {
        if (request.hasHeader(name) !== wanted) return false;
        continue;
      }
      const value = request.header(name);
      if (value === undefined || !(typeof wanted === 'string' ? value === wanted : test(wanted, value))) return false;
    }
    return true;
  }

  withParams(path: string): RouteMatchResult {
    const pattern = this.#patterns.find((each) => matchesPattern(each, path));
    if (pattern === undefined) return this;
    const values = captureNames(pattern, path);
    return { route: this.route, index: this.index, rewrite: this.rewrite, params: Object.fromEntries(pattern.names.map((name, at) => [name, values[at]!])) };
  }
}

function compilePattern(path: string): PathPattern {
  const pattern = parsePattern(path);
  if ('problem' in pattern) throw new RangeError(`path pattern ${path}: ${pattern.problem}`);
  return pattern;
}

/** With the flags `g` and `y` a RegExp remembers where its last test ended: ours begins anew, and the config's own is not touched. */
function test(regExp: RegExp, text: string): boolean {
  regExp.lastIndex = 0;
  return regExp.test(text);
}

/** The host without its port and without the dot of a fully qualified name. */
function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const host = colon > 0 && colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority;
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

function admitsHost(route: ResolvedRoute, host: string): boolean {
  return route.hosts.length === 0 || route.hosts.some((pattern) => (pattern.startsWith('*.') ? host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) : pattern === host));
}

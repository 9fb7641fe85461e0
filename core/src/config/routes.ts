/** Routes with their defaults, and what they refer to. */
import { domainToASCII } from 'node:url';
import { parsePattern, type PathPattern } from '../request/path-pattern.ts';
import { joinPath, listWords, showValue, type Faults } from './faults.ts';
import type { GivenRoute } from './given.ts';
import { nearest } from './nearest.ts';
import type { ResolvedListener, ResolvedPool, ResolvedRoute } from './resolved.ts';
import { resolvePlugins, type UseContext } from './uses.ts';

/** What routes and listeners may refer to. Names count even where the rest of the pool is faulty. */
export interface Names {
  readonly pools: ReadonlyMap<string, ResolvedPool['protocol'] | undefined>;
  readonly listeners: readonly Pick<ResolvedListener, 'name' | 'protocol'>[];
}

export async function resolveRoutes(given: readonly (GivenRoute | undefined)[], path: string, names: Names, context: UseContext): Promise<ResolvedRoute[]> {
  const { faults } = context;
  const routes: ResolvedRoute[] = [];
  const routeNames = nameRoutes(given, path, faults);
  const httpListeners = names.listeners.filter((listener) => listener.protocol === 'http').map((listener) => listener.name);
  for (const [index, route] of given.entries()) {
    if (route === undefined) continue;
    const at = joinPath(path, index);
    if (route.pool !== undefined) checkPool(route.pool, 'http', 'a route', joinPath(at, 'pool'), names, faults);
    checkListeners(route.listeners ?? [], joinPath(at, 'listeners'), names, faults);
    const paths = resolvePaths(route, joinPath(at, 'match'), faults);
    routes.push({
      name: routeNames[index]!,
      hosts: resolveHosts(route, joinPath(at, 'match'), faults),
      paths: paths.given,
      methods: asList(route.match?.method).map((method) => method.toUpperCase()),
      headers: Object.entries(route.match?.header ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), value] as const])),
      listeners: route.listeners?.filter((name) => name !== undefined) ?? httpListeners,
      pool: route.pool ?? '',
      rewrite: resolveRewrite(route, paths.patterns, joinPath(at, 'rewrite'), faults),
      maxBodyBytes: route.maxBodyBytes === null ? Infinity : route.maxBodyBytes,
      plugins: await resolvePlugins(route.plugins, joinPath(at, 'plugins'), context),
    });
  }
  return routes;
}

/** Whether a pool is there and speaks what is needed. `who` is `a route` or `an http listener`. */
export function checkPool(name: string, protocol: ResolvedPool['protocol'], who: string, path: string, { pools }: Names, faults: Faults): void {
  const speaks = pools.get(name);
  if (!pools.has(name)) {
    const known = [...pools.keys()];
    faults.add(path, `is ${showValue(name)}, but there is no such pool${known.length === 0 ? '' : `: there ${known.length === 1 ? 'is' : 'are'} ${listWords(known)}`}`, didYouMean(name, known));
  } else if (speaks !== undefined && speaks !== protocol) {
    faults.add(path, `is ${showValue(name)}, a pool of protocol ${speaks}, and ${who} needs one of protocol ${protocol}`);
  }
}

function checkListeners(given: readonly (string | undefined)[], path: string, { listeners }: Names, faults: Faults): void {
  for (const [index, name] of given.entries()) {
    if (name === undefined) continue;
    const listener = listeners.find((each) => each.name === name);
    if (listener === undefined) {
      const known = listeners.map((each) => each.name);
      faults.add(joinPath(path, index), `is ${showValue(name)}, but there is no such listener${known.length === 0 ? '' : `: there ${known.length === 1 ? 'is' : 'are'} ${listWords(known)}`}`, didYouMean(name, known));
    } else if (listener.protocol !== 'http') {
      faults.add(joinPath(path, index), `is ${showValue(name)}, a listener of protocol ${listener.protocol}: routes are for http`);
    }
  }
}

function didYouMean(given: string, known: readonly string[]): string {
  const meant = nearest(given, known);
  return meant === undefined ? '' : `did you mean ${JSON.stringify(meant)}?`;
}

/** Default: the pool, or the pool and the place in the list where that is not unique. */
function nameRoutes(given: readonly (GivenRoute | undefined)[], path: string, faults: Faults): string[] {
  const places = new Map<string, string>();
  for (const [index, route] of given.entries()) {
    if (route?.name === undefined) continue;
    const before = places.get(route.name);
    if (before !== undefined) faults.add(joinPath(joinPath(path, index), 'name'), `is ${showValue(route.name)}, which ${before} is called already`, 'names of routes are unique');
    else places.set(route.name, joinPath(path, index));
  }
  const unnamed = given.filter((route) => route !== undefined && route.name === undefined);
  return given.map((route, index) => {
    if (route?.name !== undefined) return route.name;
    const pool = route?.pool ?? 'route';
    let name = unnamed.filter((other) => other?.pool === route?.pool).length === 1 ? pool : `${pool}-${index + 1}`;
    while (places.has(name)) name = `${name}-${index + 1}`;
    places.set(name, joinPath(path, index));
    return name;
  });
}

function resolveHosts(route: GivenRoute, path: string, faults: Faults): string[] {
  const given = route.match?.host;
  return asList(given).map((host, index) => {
    const at = Array.isArray(given) ? joinPath(joinPath(path, 'host'), index) : joinPath(path, 'host');
    const wildcard = host.startsWith('*.');
    const bare = wildcard ? host.slice(2) : host;
    const ascii = /^\[[0-9A-Fa-f:.]+\]$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare.replace(/\.$/, ''));
    if (/:\d+$/.test(bare) && !bare.endsWith(']')) faults.add(at, `is ${showValue(host)}, must be a host without port`, 'a port is a listener: listeners: ["name"]');
    else if (host === '*') faults.add(at, 'is "*", must be a host', 'leave it out for any host');
    else if (ascii === '' || !/^[a-z0-9_.:[\]-]+$/.test(ascii)) faults.add(at, `is ${showValue(host)}, must be a host such as "example.org" or "*.example.org"`);
    return wildcard ? `*.${ascii}` : ascii;
  });
}

function resolvePaths(route: GivenRoute, path: string, faults: Faults): { given: (string | RegExp)[]; patterns: PathPattern[] } {
  const given = route.match?.path;
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given];
  const found: (string | RegExp)[] = [];
  const patterns: PathPattern[] = [];
  for (const [index, item] of (list as readonly (string | RegExp | undefined)[]).entries()) {
    if (item === undefined) continue;
    found.push(item);
    if (typeof item !== 'string') continue;
    const at = Array.isArray(given) ? joinPath(joinPath(path, 'path'), index) : joinPath(path, 'path');
    const parsed = parsePattern(item);
    if ('problem' in parsed) faults.add(at, `is ${showValue(item)}: ${parsed.problem}`, parsed.hint);
    else patterns.push(parsed);
  }
  return { given: found, patterns };
}

function resolveRewrite(route: GivenRoute, patterns: readonly PathPattern[], path: string, faults: Faults): ResolvedRoute['rewrite'] {
  const rewrite = route.rewrite;
  if (rewrite === undefined) return undefined;
  const { host = '', stripPrefix = '', addPrefix = '', path: template = '' } = rewrite;
  for (const [key, value] of Object.entries({ stripPrefix, addPrefix, path: template })) {
    if (/[?#]/.test(value)) faults.add(joinPath(path, key), `is ${showValue(value)}, must be a path without "?" and "#"`, 'the query stays as it came');
    else if (value.includes('//')) faults.add(joinPath(path, key), `is ${showValue(value)}, must not hold "//"`);
  }
  if (template !== '') {
    if (stripPrefix !== '' || addPrefix !== '') faults.add(joinPath(path, 'path'), 'replaces the whole path, so stripPrefix and addPrefix have no use beside it');
    const wanted = template.split('/').filter((segment) => segment.startsWith(':')).map((segment) => segment.slice(1));
    const everyPathIsPattern = asList(route.match?.path as string | undefined).every((item) => typeof item === 'string');
    for (const name of wanted) {
      if (everyPathIsPattern && patterns.length > 0 && patterns.every((pattern) => pattern.names.includes(name))) continue;
      const known = [...new Set(patterns.flatMap((pattern) => pattern.names))];
      faults.add(joinPath(path, 'path'), `uses :${name}, which not every path of the match has`, didYouMean(name, known));
    }
  }
  return { host, stripPrefix, addPrefix, path: template };
}

function asList<T>(value: T | readonly (T | undefined)[] | undefined): T[] {
  const list = Array.isArray(value) ? (value as readonly (T | undefined)[]) : [value as T | undefined];
  return list.filter((item) => item !== undefined);
}

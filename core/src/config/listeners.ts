/** Listeners with their defaults, and what must not be said of them. */
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseRange } from '../request/address.ts';
import { joinPath, showValue } from './faults.ts';
import type { GivenListener } from './given.ts';
import type { ResolvedListener } from './resolved.ts';
import { resolveLimits, resolveTimeouts } from './listener-limits.ts';
import { resolvePlugins, type UseContext } from './uses.ts';

const FORWARDING = { xForwarded: true, forwarded: false, via: true };
const BACKLOG = 4_096;
const HTTP_ONLY = ['trustedProxies', 'forwarding', 'halfClose'] as const;

export async function resolveListeners(given: readonly (GivenListener | undefined)[], path: string, context: UseContext): Promise<ResolvedListener[]> {
  const { faults } = context;
  const listeners: ResolvedListener[] = [];
  const names = new Map<string, string>();
  const addresses = new Map<string, string>();
  // Explicit names first, so that a default one never takes the name of a later listener.
  const explicit = new Set(given.map((listener) => listener?.name));
  for (const [index, listener] of given.entries()) {
    if (listener === undefined) continue;
    const at = joinPath(path, index);
    const protocol = listener.protocol ?? 'http';
    const port = listener.port ?? 0;
    const host = listener.host ?? anyAddress();
    const name = listener.name ?? freeName(listener.host === undefined ? `${protocol}-${port}` : `${protocol}-${port}-${listener.host}`, explicit, names);
    claim(names, name, at, (before) => faults.add(joinPath(at, 'name'), `is ${showValue(name)}, which ${before} is called already`, 'names of listeners are unique'));
    if (port !== 0) {
      const taken = addressInUse(addresses, host, port);
      if (taken !== undefined) faults.add(joinPath(at, 'port'), `is ${port} on ${host}, where ${taken} listens already`, 'two listeners cannot share an address');
      addresses.set(`${host} ${port}`, at);
    }
    if (protocol === 'tcp') {
      for (const key of HTTP_ONLY) if (listener[key] !== undefined) faults.add(joinPath(at, key), 'is for http listeners, and this one is tcp');
      if (listener.pool === undefined) faults.add(joinPath(at, 'pool'), 'is missing: a tcp listener needs the name of a pool');
    }
    listeners.push({
      name,
      protocol,
      host,
      port,
      backlog: listener.backlog ?? BACKLOG,
      pool: listener.pool,
      plugins: await resolvePlugins(listener.plugins, joinPath(at, 'plugins'), context),
      timeouts: resolveTimeouts(listener.timeouts ?? {}),
      limits: resolveLimits(listener.limits ?? {}, protocol, joinPath(at, 'limits'), faults),
      trustedProxies: checkRanges(listener.trustedProxies ?? [], joinPath(at, 'trustedProxies'), context),
      forwarding: { ...FORWARDING, ...listener.forwarding },
      halfClose: listener.halfClose ?? 'abort',
    });
  }
  return listeners;
}

function claim(names: Map<string, string>, name: string, at: string, onTaken: (before: string) => void): void {
  const before = names.get(name);
  if (before === undefined) names.set(name, at);
  else onTaken(before);
}

/** Two listeners on port 0 have the same default name: the second is `http-0-2`. */
function freeName(wanted: string, explicit: ReadonlySet<string | undefined>, taken: ReadonlyMap<string, string>): string {
  let name = wanted;
  for (let count = 2; explicit.has(name) || taken.has(name); count++) name = `${wanted}-${count}`;
  return name;
}

/** `::` takes the port of every address, IPv4 too; `0.0.0.0` that of every IPv4 address. */
function addressInUse(addresses: ReadonlyMap<string, string>, host: string, port: number): string | undefined {
  for (const [address, at] of addresses) {
    const [otherHost = '', otherPort] = address.split(' ');
    if (Number(otherPort) !== port) continue;
    if (otherHost === host || covers(otherHost, host) || covers(host, otherHost)) return at;
  }
  return undefined;
}

function covers(wide: string, narrow: string): boolean {
  if (wide === '::') return isIPv6(narrow) || isIPv4(narrow);
  return wide === '0.0.0.0' && isIPv4(narrow);
}

function checkRanges(ranges: readonly (string | undefined)[], path: string, { faults }: UseContext): string[] {
  const valid: string[] = [];
  for (const [index, range] of ranges.entries()) {
    if (range === undefined) continue;
    const problem = parseRange(range);
    if (typeof problem === 'string') faults.add(joinPath(path, index), `is ${showValue(range)}, must be an address or a CIDR range such as "10.0.0.0/8": ${problem}`);
    else valid.push(range);
  }
  return valid;
}

/** A machine without IPv6 refuses `::`. */
function anyAddress(): string {
  hasIpv6 ??= Object.values(networkInterfaces()).some((addresses) => addresses?.some((address) => address.family === 'IPv6') === true);
  return hasIpv6 ? '::' : '0.0.0.0';
}
let hasIpv6: boolean | undefined;

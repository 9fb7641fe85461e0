/** Backends as a config or a discovery names them, made whole. */
import { isIP } from 'node:net';
import type { BackendSpec, Protocol } from '@steelyard/sdk';
import { Faults, joinPath, showValue, type ConfigFault } from './faults.ts';
import type { ResolvedBackend } from './resolved.ts';
import { checkShape, TLS_TO_BACKENDS } from './schema.ts';
import { deepFreeze, snapshot } from './snapshot.ts';

/**
 * Checks and completes a list of backends; what is faulty is left out of `backends` and told in `faults`.
 * For discoveries at run time too, whose list is as little trusted as a config.
 * @param path where the list stands, for the faults: `pools.api.backends`
 */
export function resolveBackends(
  pool: { name: string; protocol: Protocol },
  list: readonly (string | BackendSpec)[],
  path: string,
): { backends: ResolvedBackend[]; faults: ConfigFault[] } {
  const faults = new Faults();
  const given = checkShape('backends', snapshot(list, path, faults), path, faults);
  const backends: ResolvedBackend[] = [];
  const places = new Map<string, string>();
  for (const [index, item] of (Array.isArray(given) ? (given as unknown[]) : []).entries()) {
    if (item === undefined) continue;
    const at = joinPath(path, index);
    const spec = typeof item === 'string' ? { url: item } : (item as BackendSpec);
    const url = parseBackendUrl(spec.url, pool.protocol);
    if (url === undefined) continue;
    if ('problem' in url) {
      faults.add(typeof item === 'string' ? at : joinPath(at, 'url'), url.problem, url.hint);
      continue;
    }
    const backend: ResolvedBackend = { id: `${pool.name}/${url.url}`, ...url, protocol: pool.protocol, ...DEFAULTS, ...spec, url: url.url };
    const before = places.get(backend.id);
    if (before !== undefined) {
      faults.add(at, `has the id ${showValue(backend.id)}, which ${before} has already`, spec.id === undefined ? 'give one of them an id of its own' : 'ids are unique in a pool');
      continue;
    }
    places.set(backend.id, at);
    backends.push(deepFreeze(backend));
  }
  return { backends, faults: faults.list };
}

const DEFAULTS = { weight: 1, maxInFlight: Infinity, labels: {}, zone: '', priority: 0, drain: false };

interface BackendUrl {
  /** With its port, whatever was written. */
  url: string;
  host: string;
  port: number;
  address: string;
}

/** `undefined`: it was no string, and that is told already. */
function parseBackendUrl(given: string | undefined, protocol: Protocol): BackendUrl | { problem: string; hint: string } | undefined {
  if (typeof given !== 'string') return undefined;
  // A password of an address belongs into no report.
  const is = `is ${showValue(given.replace(/^([^@/]*\/\/)?.*@/s, '$1***@'))}`;
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(given);
  if (match === null) {
    const meant = parseAuthority(given, protocol);
    return { problem: `${is}, must begin with ${protocol}://`, hint: meant === undefined || given.includes('@') ? '' : `did you mean "${protocol}://${given}"?` };
  }
  const scheme = match[1]!.toLowerCase();
  if (scheme === 'https' || scheme === 'tls') return { problem: `${is}, must begin with ${protocol}://`, hint: TLS_TO_BACKENDS };
  if (scheme !== protocol) {
    const hint = scheme === 'http' || scheme === 'tcp' ? `for ${scheme} backends the pool says protocol: "${scheme}"` : '';
    return { problem: `${is}, must begin with ${protocol}:// in a pool of protocol ${protocol}`, hint };
  }
  const rest = match[2]!;
  if (/[/?#]./s.test(rest)) return { problem: `${is}, must end after the port`, hint: 'a path is added by the rewrite of a route: rewrite: { addPrefix }' };
  if (rest.includes('@')) return { problem: `${is}, must not hold a user or password`, hint: 'a plugin can set the Authorization header' };
  const authority = parseAuthority(rest.replace(/\/$/, ''), protocol);
  if (authority === undefined) return { problem: `${is}, which is no valid address`, hint: `${protocol}://host:port, an IPv6 address in brackets` };
  if (authority.port === undefined) return { problem: `${is}, which has no port`, hint: `${protocol}://host:port` };
  if (authority.port === 0) return { problem: `${is}, port 0 cannot be connected to`, hint: '' };
  const address = `${authority.host.includes(':') ? `[${authority.host}]` : authority.host}:${authority.port}`;
  return { url: `${protocol}://${address}`, host: authority.host, port: authority.port, address };
}

/** Host and port; the host lower case and in the form of the URL standard, without brackets. `undefined` = no address. */
function parseAuthority(text: string, protocol: Protocol): { host: string; port: number | undefined } | undefined {
  if (text === '' || /[\s/?#@\\]/.test(text) || !URL.canParse(`http://${text}`)) return undefined;
  const parsed = new URL(`http://${text}`);
  const host = parsed.hostname.startsWith('[') ? parsed.hostname.slice(1, -1) : parsed.hostname;
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/.test(host)) return undefined;
  // The URL standard drops the port that is the scheme's own.
  if (parsed.port !== '') return { host, port: Number(parsed.port) };
  return { host, port: protocol === 'http' || /:0*80$/.test(text) ? 80 : undefined };
}

/** Limits and time-outs of a listener with their defaults. */
import type { Protocol } from '@steelyard/sdk';
import { CHUNK_LIMITS } from '../http1/limits.ts';
import { joinPath, type Faults } from './faults.ts';
import type { GivenListener } from './given.ts';
import type { ResolvedLimits, ResolvedTimeouts } from './resolved.ts';

const TIMEOUTS = { headMs: 10_000, bodyMs: 30_000, writeMs: 30_000, graceMs: 5_000, idleMs: 60_000, tunnelMs: 3_600_000 };
const LIMITS = {
  maxHeadBytes: 32_768, maxTargetBytes: 8_192, maxHeaders: 100, maxHeaderLineBytes: 16_384, maxPipelinedBytes: 65_536,
  // As Kestrel has them: the slowest modem is twenty times as fast.
  minBodyBytesPerSecond: 240, minResponseBytesPerSecond: 240,
  ...CHUNK_LIMITS,
};
/** What a tcp listener has of them. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(['maxConnections', 'maxConnectionsPerAddress', 'maxNewConnectionsPerSecond']);

export function resolveTimeouts({ requestMs, ...given }: NonNullable<GivenListener['timeouts']>): ResolvedTimeouts {
  return { ...TIMEOUTS, ...given, requestMs: orInfinity(requestMs) };
}

export function resolveLimits(given: NonNullable<GivenListener['limits']>, protocol: Protocol, path: string, faults: Faults): ResolvedLimits {
  if (protocol === 'tcp') {
    for (const key of Object.keys(given)) if (!OF_CONNECTIONS.has(key)) faults.add(joinPath(path, key), 'is for http listeners, and this one is tcp');
  }
  const maxHeadBytes = given.maxHeadBytes ?? LIMITS.maxHeadBytes;
  /** A part of the head. */
  const within = (key: 'maxTargetBytes' | 'maxHeaderLineBytes'): number => {
    const bytes = given[key];
    if (bytes !== undefined && bytes > maxHeadBytes) faults.add(joinPath(path, key), `is ${bytes}, must be at most maxHeadBytes, which is ${maxHeadBytes}`);
    return bytes ?? Math.min(LIMITS[key], maxHeadBytes);
  };
  return {
    maxHeadBytes,
    maxTargetBytes: within('maxTargetBytes'),
    maxHeaders: given.maxHeaders ?? LIMITS.maxHeaders,
    maxHeaderLineBytes: within('maxHeaderLineBytes'),
    maxBodyBytes: orInfinity(given.maxBodyBytes),
    maxChunkExtensionBytes: given.maxChunkExtensionBytes ?? LIMITS.maxChunkExtensionBytes,
    maxTrailerBytes: given.maxTrailerBytes ?? LIMITS.maxTrailerBytes,
    maxPipelinedBytes: given.maxPipelinedBytes ?? LIMITS.maxPipelinedBytes,
    maxRequestsPerConnection: orInfinity(given.maxRequestsPerConnection),
    minBodyBytesPerSecond: orNoFloor(given.minBodyBytesPerSecond, LIMITS.minBodyBytesPerSecond),
    minResponseBytesPerSecond: orNoFloor(given.minResponseBytesPerSecond, LIMITS.minResponseBytesPerSecond),
    maxConnections: orInfinity(given.maxConnections),
    maxConnectionsPerAddress: orInfinity(given.maxConnectionsPerAddress),
    maxNewConnectionsPerSecond: orInfinity(given.maxNewConnectionsPerSecond),
  };
}

/** `null` = no limit. */
export function orInfinity(given: number | null | undefined, otherwise = Infinity): number {
  return given === undefined ? otherwise : (given ?? Infinity);
}

function orNoFloor(given: number | null | undefined, otherwise: number): number {
  return given === undefined ? otherwise : (given ?? 0);
}

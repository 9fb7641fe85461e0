import type { Backend } from '@steelyard/sdk';

/** Share of backends without a health mark that are not draining, 0 to 1; 0 of none. */
export function healthyShare(backends: readonly Backend[]): number {
  let healthy = 0;
  for (const { health, draining } of backends) if (health !== 'down' && !draining) healthy++;
  return backends.length === 0 ? 0 : healthy / backends.length;
}

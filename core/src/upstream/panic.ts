/** When so few members of a pool are healthy that health is not believed: better some failures than all the load on the few that are left. */
import type { BackendState } from './backend.ts';

/**
 * Whether the share of members without a health mark is below the threshold. Members that drain, or whose first check is to come and which get
 * nothing before it, are left out; of none, nobody panics.
 * The panic threshold of Envoy, by marks alone: limits and drain hold in a panic too.
 * @param threshold 0 to 1; 0 = never
 * @param takesUnknown whether members get traffic before their first check
 */
export function isPanicking(members: readonly BackendState[], threshold: number, takesUnknown: boolean): boolean {
  if (threshold === 0) return false;
  let healthy = 0;
  let counted = 0;
  for (const { health, draining } of members) {
    if (draining || (health === 'unknown' && !takesUnknown)) continue;
    counted++;
    if (health !== 'down') healthy++;
  }
  return counted > 0 && healthy < threshold * counted;
}

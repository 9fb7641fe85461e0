/** The health checks of one pool, from what its plugins gave: each with a source name of its own. */
import type { HealthCheckInstance, HealthCheckUse } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import type { ResolvedPool } from '../config/resolved.ts';
import type { ActiveCheck, PassiveCheck } from './monitor.ts';

/** @throws SteelyardError ERR_PLUGIN_DEFINITION when an instance neither probes nor observes, or lacks what belongs to it. */
export function poolChecks(
  pool: ResolvedPool,
  create: (use: HealthCheckUse) => HealthCheckInstance,
): { active: ActiveCheck[]; passive: PassiveCheck[] } {
  const active: ActiveCheck[] = [];
  const passive: PassiveCheck[] = [];
  const seen = new Map<string, number>();
  for (const use of pool.health) {
    const count = (seen.get(use.name) ?? 0) + 1;
    seen.set(use.name, count);
    const source = count === 1 ? use.name : `${use.name}#${count}`;
    const { probe, schedule, observe, ejection } = create(use);
    if (probe && schedule) active.push({ source, schedule, probe });
    if (observe && ejection) passive.push({ source, ejection, observe });
    if ((probe && schedule) || (observe && ejection)) continue;
    throw new SteelyardError('ERR_PLUGIN_DEFINITION', {
      message: `health check ${use.name} of pool ${pool.name} gives neither probe with schedule nor observe with ejection`,
      source: 'plugin',
    });
  }
  return { active, passive };
}

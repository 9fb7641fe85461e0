/** From whatever a config file exported to the one frozen form that the rest of the core reads. */
import { describeError } from '@steelyard/sdk';
import { connectionsByDescriptors } from '../listen/descriptors.ts';
import { Faults, joinPath } from './faults.ts';
import type { GivenConfig } from './given.ts';
import { orInfinity } from './listener-limits.ts';
import { resolveListeners } from './listeners.ts';
import type { PluginSource } from './named.ts';
import { resolvePools } from './pools.ts';
import { ConfigError, reportFaults } from './report.ts';
import type { ResolvedConfig, ResolvedPool } from './resolved.ts';
import { checkPool, resolveRoutes, type Names } from './routes.ts';
import { checkShape } from './schema.ts';
import { deepFreeze, snapshot } from './snapshot.ts';
import { resolvePlugins, type UseContext } from './uses.ts';

export { resolveBackends } from './backends.ts';

const DRAIN_LIMIT_MS = 30_000;
const SETUP_LIMIT_MS = 10_000;
const STALL_LIMIT_MS = 5_000;
const MAX_LOOP_DELAY_MS = 1_000;

/**
 * @param source where plugins that the config names are looked for
 * @param file what the report calls the config
 * @throws ConfigError ERR_CONFIG with all faults; nothing else is ever thrown
 */
export async function resolveFrom(config: unknown, source: PluginSource, file: string): Promise<ResolvedConfig> {
  const faults = new Faults();
  let resolved: ResolvedConfig | undefined;
  try {
    const whole = snapshot(config, '', faults);
    const poolNames = namesOf(whole);
    const given = checkShape('config', whole, '', faults) as GivenConfig | undefined;
    resolved = await resolveGiven(given ?? {}, poolNames, { source, faults });
  } catch (thrown) {
    // A proxy or a forged plugin can throw wherever it is looked at.
    faults.add('', `cannot be read: ${describeError(thrown)}`);
  }
  if (resolved === undefined || faults.list.length > 0) throw new ConfigError('ERR_CONFIG', reportFaults(faults.list, file), { faults: faults.list });
  return deepFreeze(resolved);
}

async function resolveGiven(given: GivenConfig, poolNames: readonly string[], context: UseContext): Promise<ResolvedConfig> {
  const listeners = await resolveListeners(given.listeners ?? [], 'listeners', context);
  const pools = await resolvePools(given.pools ?? {}, 'pools', context);
  // A pool that is faulty as a whole is still there for those that refer to it.
  const protocols = new Map<string, ResolvedPool['protocol'] | undefined>(poolNames.map((name) => [name, undefined]));
  for (const pool of pools) protocols.set(pool.name, pool.protocol);
  const names: Names = { pools: protocols, listeners };
  const routes = await resolveRoutes(given.routes ?? [], 'routes', names, context);
  for (const [index, listener] of (given.listeners ?? []).entries()) {
    if (listener?.pool === undefined) continue;
    const protocol = listener.protocol ?? 'http';
    checkPool(listener.pool, protocol, protocol === 'http' ? 'an http listener' : 'a tcp listener', joinPath(joinPath('listeners', index), 'pool'), names, context.faults);
  }
  return {
    listeners,
    pools,
    routes,
    plugins: await resolvePlugins(given.plugins, 'plugins', context),
    drainLimitMs: given.drainLimitMs ?? DRAIN_LIMIT_MS,
    setupLimitMs: given.setupLimitMs ?? SETUP_LIMIT_MS,
    workers: given.workers,
    stallLimitMs: given.stallLimitMs ?? STALL_LIMIT_MS,
    maxConnections: orInfinity(given.maxConnections, connectionsByDescriptors()),
    maxLoopDelayMs: orInfinity(given.maxLoopDelayMs, MAX_LOOP_DELAY_MS),
    log: { level: given.log?.level ?? 'info' },
  };
}

function namesOf(config: unknown): string[] {
  const pools: unknown = typeof config === 'object' && config !== null && 'pools' in config ? config.pools : undefined;
  return typeof pools === 'object' && pools !== null && !Array.isArray(pools) ? Object.keys(pools) : [];
}

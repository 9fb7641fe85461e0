/** Pools with their defaults. */
import { resolveBackends } from './backends.ts';
import { joinPath } from './faults.ts';
import type { GivenPool } from './given.ts';
import type { ResolvedPool } from './resolved.ts';
import { resolveDiscovery, resolveHealth, resolvePlugins, resolveStrategy, type UseContext } from './uses.ts';

const RETRY = { attempts: 3, replays: 1, budget: 0.2, budgetPerSecond: 10, retryBufferBytes: 16_384 };
const TIMEOUTS = { connectMs: 5_000, responseMs: 60_000, bodyMs: 60_000, idleMs: 4_000 };
const MAX_IDLE = 256;
/** Never: whoever routes to backends that are known to be down should have said so. */
const PANIC_THRESHOLD = 0;
const MAX_RESPONSE_HEAD_BYTES = 65_536;

export async function resolvePools(given: Readonly<Record<string, GivenPool | undefined>>, path: string, context: UseContext): Promise<ResolvedPool[]> {
  const pools: ResolvedPool[] = [];
  for (const [name, pool] of Object.entries(given)) {
    if (pool !== undefined) pools.push(await resolvePool(name, pool, joinPath(path, name), context));
  }
  return pools;
}

async function resolvePool(name: string, pool: GivenPool, at: string, context: UseContext): Promise<ResolvedPool> {
  const { faults } = context;
  const protocol = pool.protocol ?? 'http';
  const retry = { ...RETRY, ...pool.retry };
  if (pool.retry?.replays !== undefined && pool.retry.replays >= retry.attempts) {
    faults.add(joinPath(joinPath(at, 'retry'), 'replays'), `is ${pool.retry.replays}, must be below attempts, which is ${retry.attempts}`);
  }
  if (protocol === 'tcp' && pool.maxResponseHeadBytes !== undefined) faults.add(joinPath(at, 'maxResponseHeadBytes'), 'is for http pools, and this one is tcp');
  return {
    name,
    protocol,
    backends: await resolveMembers({ name, protocol }, pool.backends, joinPath(at, 'backends'), context),
    strategy: await resolveStrategy(pool.strategy, joinPath(at, 'strategy'), protocol, context),
    health: await resolveHealth(pool.health, joinPath(at, 'health'), protocol, context),
    // Whether a check is active shows only when it is created; without an active one the core takes no notice of this.
    unknown: pool.unknown ?? 'unavailable',
    panicThreshold: pool.panicThreshold ?? PANIC_THRESHOLD,
    retry: { ...retry, replays: Math.min(retry.replays, retry.attempts - 1) },
    timeouts: { ...TIMEOUTS, ...pool.timeouts },
    maxIdle: pool.maxIdle ?? MAX_IDLE,
    maxResponseHeadBytes: pool.maxResponseHeadBytes ?? MAX_RESPONSE_HEAD_BYTES,
    plugins: await resolvePlugins(pool.plugins, joinPath(at, 'plugins'), context),
  };
}

async function resolveMembers(pool: Pick<ResolvedPool, 'name' | 'protocol'>, given: unknown, path: string, context: UseContext): Promise<ResolvedPool['backends']> {
  // Missing, and told so already.
  if (given === undefined) return [];
  if (typeof given === 'string') {
    // Not shown: it may be an address with a password.
    context.faults.add(path, 'is a string, must be a list of backends, or a discovery plugin', /^[\w.+-]+:/.test(given) ? 'a list also of one: backends: ["http://host:port"]' : 'a plugin by its name is { use: "name" }');
    return [];
  }
  if (!Array.isArray(given)) return (await resolveDiscovery(given, path, context)) ?? [];
  const { backends, faults } = resolveBackends(pool, given, path);
  context.faults.addAll(faults);
  return backends;
}

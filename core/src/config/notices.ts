/** What a config may say, and hardly means: told when it is checked and when it begins to serve, and never refused. */
import type { ResolvedBackend, ResolvedConfig, ResolvedListener, ResolvedRoute } from './resolved.ts';

/** A sentence for each, empty if there is nothing to tell. */
export function noticesOf(config: ResolvedConfig): string[] {
  return [...lostListeners(config), ...lostPools(config), ...idlePools(config), ...lostRoutes(config)];
}

/** Plugins may answer by themselves or name a pool: where there are some, nobody can tell from the config. */
function mayRoute({ plugins }: Pick<ResolvedListener, 'plugins'>): boolean {
  return plugins.some(({ kind }) => kind === 'plugin');
}

function lostListeners(config: ResolvedConfig): string[] {
  return config.listeners
    .filter((listener) => listener.pool === undefined && !mayRoute(config) && !mayRoute(listener) && !config.routes.some(({ listeners }) => listeners.includes(listener.name)))
    .map(({ name }) => `listener ${JSON.stringify(name)} has no pool and no route: it answers every request with 404 (add { pool } to it, or a route)`);
}

function lostPools({ listeners, pools, routes, ...config }: ResolvedConfig): string[] {
  if (mayRoute(config) || listeners.some(mayRoute)) return [];
  const used = new Set([...routes.map(({ pool }) => pool), ...listeners.map(({ pool }) => pool)]);
  return pools.filter(({ name }) => !used.has(name)).map(({ name }) => `no route and no listener sends anything to pool ${JSON.stringify(name)}`);
}

function idlePools({ pools }: ResolvedConfig): string[] {
  return pools
    .filter(({ backends }) => Array.isArray(backends) && backends.length > 0 && (backends as readonly ResolvedBackend[]).every(({ weight }) => weight === 0))
    .map(({ name }) => `every backend of pool ${JSON.stringify(name)} has weight 0: its strategy picks none of them, and requests go to any of them all the same`);
}

/** Behind one that takes everything. */
function lostRoutes({ listeners, routes }: ResolvedConfig): string[] {
  const takers = new Map<string, string>();
  const notices: string[] = [];
  for (const route of routes) {
    const before = route.listeners.map((name) => takers.get(name));
    if (before.length > 0 && before.every((taker) => taker !== undefined)) {
      notices.push(`route ${JSON.stringify(route.name)} gets nothing: ${JSON.stringify(before[0])} before it takes every request (the first that matches counts)`);
    }
    if (takesAll(route)) for (const name of route.listeners) if (!takers.has(name)) takers.set(name, route.name);
  }
  const idle = listeners.filter(({ name, pool, protocol }) => protocol === 'http' && pool !== undefined && takers.has(name));
  return [...notices, ...idle.map(({ name, pool }) => `pool ${JSON.stringify(pool)} of listener ${JSON.stringify(name)} gets nothing by it: route ${JSON.stringify(takers.get(name))} takes every request`)];
}

function takesAll({ hosts, paths, methods, headers }: ResolvedRoute): boolean {
  return hosts.length === 0 && methods.length === 0 && headers.length === 0 && (paths.length === 0 || paths.includes('/*'));
}

/** The way of an exchange through one generation: its listener, its route, its pool; with the hooks compiled for it and its counters. */
import type { HttpExchange } from '@steelyard/sdk';
import type { ResolvedConfig, ResolvedListener, ResolvedRoute } from './config/resolved.ts';
import type { Generation, ListenerPlan } from './generation.ts';
import type { DecisionHook, HookSet, RequestVerdict, Scope, TapRegistry } from './hooks.ts';
import type { RouteCounters, TrafficMetrics } from './metrics/traffic.ts';
import { AddressSet } from './request/address.ts';
import { RouteTable } from './request/route.ts';
import type { Pool } from './upstream/pool.ts';

export type RequestHook = DecisionHook<HttpExchange, RequestVerdict>;

export interface Lane {
  /** `undefined` when no route matched, or none was looked for. */
  readonly route: ResolvedRoute | undefined;
  readonly pool: Pool | undefined;
  /** Of all that lies on the way. Its `onRequest` is not used: the two below stand for it. */
  readonly hooks: HookSet;
  /** Taps of config, listener and route: they may still send the exchange to another pool. */
  readonly onRequest: RequestHook | undefined;
  /** Taps of the pool that it goes to in the end. */
  readonly onRequestInPool: RequestHook | undefined;
  readonly counters: RouteCounters;
  /** `Host:` line that the route wants, ending in CRLF; `undefined` = as received. */
  readonly hostLine: Buffer | undefined;
  /** The route wants the backend's own address as host. */
  readonly hostIsBackend: boolean;
  readonly maxBodyBytes: number;
  /** The same way with another pool, for a plugin's `{ pool }`; `undefined` = there is no such http pool. */
  toPool(name: string): Lane | undefined;
}

/** Makes the lanes of one generation. */
export class LaneBook {
  readonly #registry: TapRegistry;
  readonly #traffic: TrafficMetrics;
  readonly #poolOf: (name: string) => Pool | undefined;

  constructor(registry: TapRegistry, traffic: TrafficMetrics, poolOf: (name: string) => Pool | undefined) {
    this.#registry = registry;
    this.#traffic = traffic;
    this.#poolOf = poolOf;
  }

  plan(generation: Generation, listener: ResolvedListener, allRoutes: readonly ResolvedRoute[]): ListenerPlan {
    const routes = allRoutes.filter((route) => route.listeners.includes(listener.name));
    const lanes = routes.map((route) => this.#lane(listener, route, route.pool));
    return {
      generation,
      config: listener,
      hooks: this.#registry.compile([{ kind: 'config' }, { kind: 'listener', name: listener.name }]),
      routes: new RouteTable(routes),
      trustedProxies: new AddressSet(listener.trustedProxies),
      limits: this.#traffic.limitCounters(listener.name),
      unrouted: this.#lane(listener, undefined, listener.pool),
      laneOf: (match) => lanes[match.index]!,
    };
  }

  #lane(listener: ResolvedListener, route: ResolvedRoute | undefined, poolName: string | undefined): Lane {
    const pool = poolName === undefined ? undefined : this.#poolOf(poolName);
    const outer: Scope[] = [{ kind: 'config' }, { kind: 'listener', name: listener.name }];
    if (route) outer.push({ kind: 'route', name: route.name });
    const inner: Scope[] = pool ? [{ kind: 'pool', name: pool.name }] : [];
    const others = new Map<string, Lane>();
    const strategy = pool?.strategy && pool.plugin ? { plugin: pool.plugin, select: pool.strategy.select } : undefined;
    const [outerHooks, innerHooks] = [this.#registry.compile(outer), this.#registry.compile(inner)];
    const rewrittenHost = route?.rewrite?.host ?? '';
    return {
      route,
      pool,
      hooks: this.#registry.compile([...outer, ...inner], strategy),
      // Asked for at each request: a closed plugin that tapped too late refuses from then on.
      get onRequest() {
        return outerHooks.onRequest;
      },
      get onRequestInPool() {
        return innerHooks.onRequest;
      },
      counters: this.#traffic.routeCounters(listener.name, route?.name ?? ''),
      hostLine: rewrittenHost === '' || rewrittenHost === 'backend' ? undefined : Buffer.from(`Host: ${rewrittenHost}\r\n`, 'latin1'),
      hostIsBackend: rewrittenHost === 'backend',
      maxBodyBytes: route?.maxBodyBytes ?? listener.limits.maxBodyBytes,
      toPool: (name) => {
        if (this.#poolOf(name)?.config.protocol !== 'http') return undefined;
        const known = others.get(name) ?? this.#lane(listener, route, name);
        others.set(name, known);
        return known;
      },
    };
  }
}

/** Hooks for changes of one pool's backends: of everything that leads there. */
export function healthHooks(registry: TapRegistry, config: ResolvedConfig, pool: string): HookSet {
  const routes = config.routes.filter((route) => route.pool === pool);
  const listeners = config.listeners.filter((listener) => listener.pool === pool || routes.some((route) => route.listeners.includes(listener.name)));
  return registry.compile([
    { kind: 'config' },
    ...listeners.map(({ name }): Scope => ({ kind: 'listener', name })),
    ...routes.map(({ name }): Scope => ({ kind: 'route', name })),
    { kind: 'pool', name: pool },
  ]);
}

/** A config after `resolve`: validated, every default in place, frozen. Everything behind `config/` reads only this. */
import type { ChunkLimits } from '../http1/limits.ts';
import type { DiscoveryUse, ExporterUse, GeneralUse, HealthCheckUse, Protocol, StrategyUse } from '@steelyard/sdk';

export type RunnablePlugin = GeneralUse | ExporterUse;

export interface ResolvedConfig {
  readonly listeners: readonly ResolvedListener[];
  readonly pools: readonly ResolvedPool[];
  readonly routes: readonly ResolvedRoute[];
  readonly plugins: readonly RunnablePlugin[];
  readonly drainLimitMs: number;
  readonly setupLimitMs: number;
  /** `undefined` = the default, which is another in the command than in a program: see `workerCount`. */
  readonly workers: number | undefined;
  readonly stallLimitMs: number;
  /** `Infinity` = no limit. */
  readonly maxConnections: number;
  /** `Infinity` = no limit. */
  readonly maxLoopDelayMs: number;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent' };
}

export interface ResolvedListener {
  readonly name: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
  /** tcp: always. http: for requests that match no route. */
  readonly pool: string | undefined;
  readonly plugins: readonly RunnablePlugin[];
  readonly timeouts: ResolvedTimeouts;
  readonly limits: ResolvedLimits;
  readonly trustedProxies: readonly string[];
  readonly forwarding: { readonly xForwarded: boolean; readonly forwarded: boolean; readonly via: boolean };
  readonly halfClose: 'abort' | 'serve';
}
export interface ResolvedTimeouts {
  readonly headMs: number;
  readonly bodyMs: number;
  readonly writeMs: number;
  readonly graceMs: number;
  readonly idleMs: number;
  /** `Infinity` = no limit. */
  readonly requestMs: number;
  readonly tunnelMs: number;
}
/** `Infinity` = no limit, and 0 = no floor. */
export interface ResolvedLimits extends ChunkLimits {
  readonly maxHeadBytes: number;
  readonly maxTargetBytes: number;
  readonly maxHeaders: number;
  readonly maxHeaderLineBytes: number;
  readonly maxBodyBytes: number;
  readonly maxPipelinedBytes: number;
  readonly maxRequestsPerConnection: number;
  readonly minBodyBytesPerSecond: number;
  readonly minResponseBytesPerSecond: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxNewConnectionsPerSecond: number;
}

export interface ResolvedRoute {
  readonly name: string;
  /** Lower case; empty = any. */
  readonly hosts: readonly string[];
  readonly paths: readonly (string | RegExp)[];
  readonly methods: readonly string[];
  /** Lower-case name. */
  readonly headers: readonly (readonly [name: string, value: string | boolean | RegExp])[];
  readonly listeners: readonly string[];
  readonly pool: string;
  readonly rewrite: { readonly host: string; readonly stripPrefix: string; readonly addPrefix: string; readonly path: string } | undefined;
  /** `undefined` = the listener's. */
  readonly maxBodyBytes: number | undefined;
  readonly plugins: readonly RunnablePlugin[];
}

export interface ResolvedBackend {
  readonly id: string;
  readonly url: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly weight: number;
  /** `Infinity` = no limit. */
  readonly maxInFlight: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly zone: string;
  readonly priority: number;
  readonly drain: boolean;
}

export interface ResolvedPool {
  readonly name: string;
  readonly protocol: Protocol;
  readonly backends: readonly ResolvedBackend[] | DiscoveryUse;
  readonly strategy: StrategyUse | undefined;
  readonly health: readonly HealthCheckUse[];
  readonly unknown: 'available' | 'unavailable';
  /** 0 = never. */
  readonly panicThreshold: number;
  readonly retry: {
    readonly attempts: number;
    readonly replays: number;
    readonly budget: number;
    readonly budgetPerSecond: number;
    readonly retryBufferBytes: number;
  };
  readonly timeouts: { readonly connectMs: number; readonly responseMs: number; readonly bodyMs: number; readonly idleMs: number };
  readonly maxIdle: number;
  readonly maxResponseHeadBytes: number;
  readonly plugins: readonly RunnablePlugin[];
}

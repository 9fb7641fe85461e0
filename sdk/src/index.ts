/** The public surface of the SDK, listed by hand: a change here has a line in CHANGELOG.md. */
export type {
  Aborter, Backend, Connection, Exchange, HeadFields, HealthChange, HealthState, HttpExchange, Lease, Member, Outcome, Phase,
  PoolView, Protocol, RequestHead, ResponseHead, Result, Route, TcpExchange, Trailers,
} from './model.ts';
export type {
  Answer, AsyncTapOptions, AsyncTappable, ConnectDecision, HookName, Hooks, RequestDecision, SyncTappable, TapOptions,
} from './hooks.ts';
export type { Host, Logger, ProbeRequest, ProbeResponse, ServeAddress, ServeHandler } from './host.ts';
export type {
  Counter, CounterSeries, Gauge, GaugeSeries, Histogram, HistogramOptions, HistogramSample, HistogramSeries, Labels, MetricFamily, MetricOptions, MetricsSnapshot, NumberSample,
} from './metrics.ts';
export { AvailableIndices } from './available.ts';
export type { InnerStrategy, StrategyFactory } from './combine.ts';
export { passOn, Pickers, PoolPart } from './combine.ts';
export { hash32, mix32 } from './hash.ts';
export type { HashKey, HashKeys, MissingKey } from './key.ts';
export { HASH_KEY, keyHash, keyReader } from './key.ts';
export { SlotTable } from './slots.ts';
export type { AnyOptionSchema, AnyOptionsSchema, OptionSchema, OptionsSchema, Resolved } from './options.ts';
export { withDefaults } from './options.ts';
export type {
  AnyStrategyUse, AnyUse, Awaitable, BackendSpec, CheckSchedule, DiscoveryDefinition, DiscoveryUse, Ejection, ErasedDefinition, ExchangeOf,
  ExporterDefinition, ExporterUse, GeneralUse, HealthCheckDefinition, HealthCheckInstance, HealthCheckUse, OnFailure, PluginDefinition,
  StrategyDefinition, StrategyInstance, StrategyKind, StrategyProtocol, StrategyUse,
} from './define.ts';
export { BRAND, defineDiscovery, defineExporter, defineHealthCheck, definePlugin, defineStrategy, isUse, withOptions } from './define.ts';
export type {
  Config, ConfigEnv, ConfigExport, ConnectionLimits, Falsy, ForwardingHeaders, HttpListener, HttpPool, ListenerConfig, ListenerLimits, ListenerTimeouts, NamedUse,
  PluginList, PoolConfig, PoolTimeouts, RetryConfig, RouteConfig, RouteMatch, RouteRewrite, TcpListener, TcpPool,
} from './config.ts';
export { defineConfig } from './config.ts';
export type { ErrorCode, ErrorDetails } from './errors.ts';
export { describeError, ERROR_CODES, isSteelyardError, SteelyardError } from './errors.ts';

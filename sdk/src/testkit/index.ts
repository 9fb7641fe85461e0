/**
 * The test kit, listed by hand: a world to test plugins in, and the contract that strategies are tested against.
 * It runs under any test runner, on `node:assert`.
 */
export type { FakeBackendSpec } from './backends.ts';
export { FakeBackend, FakePool } from './backends.ts';
export { VirtualClock } from './clock.ts';
export type { FakeExchange, FakeExchangeSpec, FakeHttpSpec, FakeTcpSpec } from './exchange.ts';
export type { FakeHeaders, FakeRequestSpec } from './fields.ts';
export { FakeRequestHead, FakeResponseHead } from './fields.ts';
export { FakeHook, FakeHooks } from './hooks.ts';
export type { LogLine } from './host.ts';
export { FakeHost } from './host.ts';
export type { LeaseListener, OutcomeFacts } from './leases.ts';
export { aborted, answered, failed, FakeLease } from './leases.ts';
export { RecordedMetrics } from './metrics.ts';
export { SeededRandom } from './random.ts';
export type { MemberLike } from './strategy.ts';
export { StrategyUnderTest, strategyUnderTest } from './strategy.ts';
export type { ProbeAnswer, WorldOptions } from './world.ts';
export { World, world } from './world.ts';
export type { Consistency } from './contract/consistency.ts';
export type { LoadRule } from './contract/loads.ts';
export type { BrokenRule } from './contract/rule.ts';
export { StrategyContractError } from './contract/rule.ts';
export type { PickSpeed } from './contract/speed.ts';
export { measurePicks } from './contract/speed.ts';
export type { StrategyProperties, StrategyReport, StrategySuite } from './contract/suite.ts';
export { testStrategy } from './contract/suite.ts';

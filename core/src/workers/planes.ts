/** The data planes as the balancer has them: one in its own thread, or one in each worker. */
import type { HealthChange, MetricFamily } from '@steelyard/sdk';
import type { Forget } from '../board/rows.ts';
import type { ThreadGauges } from '../board/thread-gauges.ts';
import type { ControlGeneration } from '../control/control-generation.ts';
import type { BoundListener } from '../description.ts';
import type { BackendState } from '../upstream/backend.ts';

export interface Planes {
  /** Phase one, in all of them. @throws SteelyardError when one fails: then none has anything of it left. */
  prepare(generation: ControlGeneration): Promise<void>;
  /** Phase one is taken back: something else failed. */
  discard(): Promise<void>;
  /** Phase two: what was prepared serves. */
  switchOver(): void;
  /** The members of a pool changed. Its backends' sources are watched already. */
  setMembers(generation: ControlGeneration, pool: string): void;
  healthChanged(change: HealthChange): void;
  /** Nothing is to be kept ready for it. */
  drop(backend: BackendState): void;
  /** Addresses of a name that backends have; none = nobody has it any more. */
  setAddresses(host: string, addresses: readonly string[]): void;
  /** A row of the scoreboard is not used in main any more: asks the worker of that block to say when it uses it no more either. */
  forget(block: number, forget: Forget): void;
  /** Resolves when nothing of that generation, which served, is left in any of them. */
  ended(number: number): Promise<void>;
  /** Accepts no more, drains, ends. */
  stop(drainLimitMs: number): Promise<void>;
  addresses(): BoundListener[];
  pluginNames(): readonly string[];
  /** Metrics of the plugins that run there, and of the threads themselves. */
  families(): Promise<MetricFamily[]>;
  gauges(): ThreadGauges;
}

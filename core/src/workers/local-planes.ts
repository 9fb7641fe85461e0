/** `workers: 0`: the one data plane, in the balancer's own thread. */
import type { HealthChange, MetricFamily } from '@steelyard/sdk';
import type { ThreadGauges } from '../board/thread-gauges.ts';
import type { ControlGeneration } from '../control/control-generation.ts';
import type { GenerationOrder } from '../control/order.ts';
import type { DataThread } from '../data-thread.ts';
import type { BoundListener } from '../description.ts';
import type { TrafficServices } from '../generation.ts';
import type { PassiveObserver } from '../health/observer.ts';
import type { BackendState } from '../upstream/backend.ts';
import { DataPlane } from './data-plane.ts';
import type { Planes } from './planes.ts';

export class LocalPlanes implements Planes {
  readonly #plane: DataPlane;
  readonly #thread: DataThread;
  readonly #services: TrafficServices;
  readonly #observer: PassiveObserver;
  readonly #waiting = new Map<number, () => void>();
  readonly #over = new Set<number>();
  #serving: ControlGeneration | undefined;
  #prepared: ControlGeneration | undefined;

  constructor(thread: DataThread, services: TrafficServices, observer: PassiveObserver) {
    this.#thread = thread;
    this.#services = services;
    this.#observer = observer;
    this.#plane = new DataPlane(thread, services, (number) => this.#ended(number));
  }

  async prepare(generation: ControlGeneration): Promise<void> {
    this.#prepared = generation;
    await this.#plane.prepare(generation.config, withoutObservers(generation));
  }

  async discard(): Promise<void> {
    this.#prepared = undefined;
    await this.#plane.discard();
  }

  switchOver(): void {
    this.#plane.switchOver();
    this.#serving = this.#prepared;
    this.#prepared = undefined;
    this.#observer.watch(this.#serving!.observed());
  }

  setMembers(generation: ControlGeneration, pool: string): void {
    // One that is not wanted here yet, or any more: its order will tell, or nobody asks.
    if (generation !== this.#serving && generation !== this.#prepared) return;
    this.#plane.setMembers(generation.number, pool, generation.members(pool));
    if (generation === this.#serving) this.#observer.watch(generation.observed());
  }

  healthChanged(change: HealthChange): void {
    this.#plane.healthChanged(change);
  }

  drop(backend: BackendState): void {
    this.#thread.idle.drop(backend);
  }

  /** Looked up in the same thread. */
  setAddresses(): void {}
  /** There is no other thread. */
  forget(): void {}

  #ended(number: number): void {
    this.#over.add(number);
    this.#waiting.get(number)?.();
  }

  async ended(number: number): Promise<void> {
    if (!this.#over.has(number)) await new Promise<void>((resolve) => this.#waiting.set(number, resolve));
    this.#over.delete(number);
    this.#waiting.delete(number);
  }

  async stop(drainLimitMs: number): Promise<void> {
    await this.#plane.stop(drainLimitMs);
  }

  addresses(): BoundListener[] {
    return this.#plane.addresses();
  }

  pluginNames(): string[] {
    return this.#plane.generation?.pluginNames ?? [];
  }

  families(): Promise<MetricFamily[]> {
    return Promise.resolve(this.#services.metrics.snapshot());
  }

  gauges(): ThreadGauges {
    return this.#plane.gauges();
  }
}

/** The checks of real traffic that the control plane made are asked here: both are in one thread. */
function withoutObservers(generation: ControlGeneration): GenerationOrder {
  const pools = [...generation.order()].map(([name, order]) => [name, { ...order, passive: [] }] as const);
  return { number: generation.number, pools: new Map(pools) };
}

/**
 * What one thread does with traffic: its listeners, the generation that serves, those that drain. In the main thread with `workers: 0`, else
 * in each worker. It is told what to do by the control plane, in two phases: `prepare`, which may fail, and `switchTo`, which may not.
 */
import type { HealthChange } from '@steelyard/sdk';
import type { ThreadGauges } from '../board/thread-gauges.ts';
import type { ResolvedConfig, ResolvedListener } from '../config/resolved.ts';
import type { GenerationOrder, MemberOrder } from '../control/order.ts';
import type { DataThread } from '../data-thread.ts';
import type { BoundListener } from '../description.ts';
import { Generation, type TrafficServices } from '../generation.ts';
import { bindBeside } from '../listen/bind.ts';
import { Listener } from '../listen/listener.ts';
import type { BackendState } from '../upstream/backend.ts';
import { settledWithin } from '../settled-within.ts';

/** A socket that was destroyed tells so in the next turn; this is for machines under load. */
const CUT_LIMIT_MS = 1_000;

/** Where listeners bind, by name, when main has chosen it: together with their twins in other threads, or alone. */
export interface PortOrder {
  readonly ports: ReadonlyMap<string, number>;
  readonly isShared: boolean;
}

interface Prepared {
  readonly generation: Generation;
  readonly added: readonly Listener[];
}

export class DataPlane {
  readonly #thread: DataThread;
  readonly #services: TrafficServices;
  readonly #onEnded: (number: number) => void;
  readonly #listeners = new Map<string, Listener>();
  /** Left by a reload, with connections that have not ended yet. */
  readonly #departing = new Set<Listener>();
  readonly #retiring = new Set<Promise<void>>();
  #generation: Generation | undefined;
  #prepared: Prepared | undefined;
  /** While a generation is being prepared: what changed in its pools meanwhile. */
  #preparing: { readonly number: number; readonly members: Map<string, readonly MemberOrder[]> } | undefined;

  /** @param onEnded a generation that served is over: nothing of it is left in this thread */
  constructor(thread: DataThread, services: TrafficServices, onEnded: (number: number) => void) {
    this.#thread = thread;
    this.#services = services;
    this.#onEnded = onEnded;
  }

  /** Phase one: builds beside what works, binds what is new and holds what comes there. @throws SteelyardError: nothing is left of it then. */
  async prepare(config: ResolvedConfig, order: GenerationOrder, ports?: PortOrder): Promise<void> {
    const preparing = { number: order.number, members: new Map<string, readonly MemberOrder[]>() };
    this.#preparing = preparing;
    try {
      this.#prepared = await this.#build(config, order, ports);
    } finally {
      this.#preparing = undefined;
    }
    for (const [pool, members] of preparing.members) this.#prepared.generation.setMembers(pool, members);
  }

  async #build(config: ResolvedConfig, order: GenerationOrder, ports: PortOrder | undefined): Promise<Prepared> {
    const generation = await Generation.build(config, order, this.#services);
    const added: Listener[] = [];
    try {
      for (const listener of config.listeners) {
        if (this.#listeners.has(keyOf(listener))) continue;
        const fresh = new Listener(this.#thread, generation.plans.get(listener.name)!, ports && { port: ports.ports.get(listener.name)!, isShared: ports.isShared });
        await bindBeside(fresh, [...this.#listeners.values(), ...this.#departing]);
        added.push(fresh);
      }
    } catch (error) {
      for (const listener of added) await listener.close();
      await generation.end();
      throw error;
    }
    return { generation, added };
  }

  /** Somebody else could not prepare: what was built here goes. */
  async discard(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    for (const listener of prepared?.added ?? []) await listener.close();
    await prepared?.generation.end();
  }

  /** Phase two. Synchronous: every connection sees either the old generation or the new one, and no request falls between them. */
  switchOver(): void {
    const { generation, added } = this.#prepared!;
    const previous = this.#generation;
    generation.takeOver(previous);
    this.#generation = generation;
    this.#prepared = undefined;
    const gone = new Map(this.#listeners);
    for (const listener of generation.config.listeners) {
      const kept = this.#listeners.get(keyOf(listener));
      if (!kept) continue;
      kept.follow(generation.plans.get(listener.name)!);
      gone.delete(keyOf(listener));
    }
    for (const listener of added) {
      this.#listeners.set(keyOf(listener.plan.config), listener);
      listener.serve();
    }
    for (const key of gone.keys()) this.#listeners.delete(key);
    if (previous) this.#track(this.#retire(previous, [...gone.values()]));
  }

  /** The old generation ends with its last exchange, at the latest at its drain limit. */
  async #retire(old: Generation, gone: readonly Listener[]): Promise<void> {
    for (const listener of gone) {
      this.#departing.add(listener);
      await listener.close();
    }
    const isOver = (): boolean => old.open === 0 && gone.every((listener) => listener.connections.size === 0);
    await settledWithin(old.config.drainLimitMs, isOver);
    for (const listener of gone) listener.cut();
    for (const listener of this.#listeners.values()) listener.cut((connection) => connection.generation === old);
    await settledWithin(CUT_LIMIT_MS, isOver);
    for (const listener of gone) this.#departing.delete(listener);
    await old.end();
    this.#onEnded(old.number);
  }

  #track(retiring: Promise<void>): void {
    const guarded = retiring.catch((error: unknown) => this.#services.log.error({ err: error }, 'an old generation did not end in order'));
    this.#retiring.add(guarded);
    void guarded.finally(() => this.#retiring.delete(guarded));
  }

  /** The members of a pool of the generation with this number, if it is here. */
  setMembers(number: number, pool: string, members: readonly MemberOrder[]): void {
    if (this.#preparing?.number === number) this.#preparing.members.set(pool, members);
    for (const generation of [this.#generation, this.#prepared?.generation]) {
      if (generation?.number === number) generation.setMembers(pool, members);
    }
  }

  get preparedPlugins(): string[] {
    return this.#prepared?.generation.pluginNames ?? [];
  }

  /** The backend that main speaks of: of the generation that serves, or of the one that is about to. */
  backend(pool: string, id: string): BackendState | undefined {
    return this.#generation?.backend(pool, id) ?? this.#prepared?.generation.backend(pool, id);
  }

  /** The generation that serves. */
  get generation(): Generation | undefined {
    return this.#generation;
  }

  /** The first results of new backends come before their generation serves: then its plugins hear of them, for nobody else would. */
  healthChanged(change: HealthChange): void {
    if (!this.#generation?.healthChanged(change)) this.#prepared?.generation.healthChanged(change);
  }

  /** Accepts no more, lets open exchanges end within the limit, then ends everything that was started. */
  async stop(drainLimitMs: number): Promise<void> {
    for (const listener of this.#listeners.values()) await listener.close();
    await settledWithin(drainLimitMs, () => this.#connections === 0);
    for (const listener of [...this.#listeners.values(), ...this.#departing]) listener.cut();
    await settledWithin(CUT_LIMIT_MS, () => this.#connections === 0);
    this.#listeners.clear();
    await Promise.all(this.#retiring);
    await this.discard();
    await this.#generation?.end();
    this.#generation = undefined;
    this.#thread.idle.destroyAll();
    await settledWithin(CUT_LIMIT_MS, () => this.#thread.idle.size === 0);
  }

  get #connections(): number {
    let count = 0;
    for (const listener of [...this.#listeners.values(), ...this.#departing]) count += listener.connections.size;
    return count;
  }

  addresses(): BoundListener[] {
    return [...this.#listeners.values()].map(({ name, host, port, plan }) => ({ name, protocol: plan.config.protocol, host, port }));
  }

  gauges(): ThreadGauges {
    const { leases, idle, deadlines } = this.#thread;
    return { leasesOpened: leases.opened, leasesClosed: leases.closed, clientConnections: this.#connections, upstreamConnections: idle.size, deadlines: deadlines.size };
  }
}

/** What makes a listener the same over reloads: its address; with port 0 its name. */
export function keyOf(listener: ResolvedListener): string {
  return listener.port === 0 ? `name ${listener.name}` : `${listener.host} ${listener.port}`;
}

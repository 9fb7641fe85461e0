/** One strategy at work in a world: the test plays the core. */
import assert from 'node:assert/strict';
import type { StrategyInstance, StrategyUse } from '../define.ts';
import type { Backend, Exchange, Member } from '../model.ts';
import { withDefaults } from '../options.ts';
import { FakePool } from './backends.ts';
import type { FakeBackend } from './backends.ts';
import type { FakeHost } from './host.ts';
import type { FakeLease } from './leases.ts';
import type { World } from './world.ts';

/**
 * Creates a strategy in a world, as the core does for a pool: options with their defaults, then `create`.
 * @example
 * const w = world({ seed: 7 });
 * const strategy = strategyUnderTest(roundRobin(), w);
 * strategy.update(w.backends(3));
 * const lease = strategy.pick(); // in-flight of its backend is 1
 * lease?.end(answered(200));
 */
export function strategyUnderTest(use: StrategyUse, world: World): StrategyUnderTest {
  return new StrategyUnderTest(use, world, new FakePool('api'));
}

/**
 * A backend stands for itself with its configured weight; a member says another.
 * @example
 * import type { MemberLike } from '@steelyard/sdk/testkit';
 * const w = world();
 * const [one, two] = w.backends(2);
 * const members: MemberLike[] = [one!, { backend: two!, weight: 0.1 }];
 */
export type MemberLike = FakeBackend | Member;

/**
 * A strategy, its pool and its host, driven by the test.
 * @example
 * const w = world();
 * const strategy: StrategyUnderTest = strategyUnderTest(roundRobin(), w);
 * strategy.update(w.backends(3));
 * const next = strategy.reload(); // the place in the order stays
 */
export class StrategyUnderTest {
  readonly use: StrategyUse;
  readonly host: FakeHost;
  readonly instance: StrategyInstance;
  readonly pool: FakePool;
  readonly #world: World;
  #members: readonly Member[] = [];

  constructor(use: StrategyUse, world: World, pool: FakePool) {
    this.use = use;
    this.pool = pool;
    this.#world = world;
    this.host = world.host(use.name, pool.name);
    // The schema, not the compiler, vouches for the options: their type was forgotten in the use.
    this.instance = use.definition.create(withDefaults(use.definition.options, use.options) as never, this.host);
    this.host.seal();
  }

  /** The members from now on, for the strategy and for its pool. */
  update(members: readonly MemberLike[]): void {
    // Frozen as in the core, the list and each member of it.
    this.#members = Object.freeze(members.map((member) => Object.freeze('backend' in member ? { ...member } : { backend: member, weight: member.weight })));
    this.pool.backends = this.#members.map(({ backend }) => backend);
    this.instance.update(this.#members);
  }
  get members(): readonly Member[] {
    return this.#members;
  }

  /** Asks the strategy and no more: no lease is opened. */
  select(exchange: Exchange = this.#world.exchange()): Backend | undefined {
    this.pool.renewVersion();
    try {
      return this.instance.select(exchange, this.pool);
    } finally {
      // What a test changes from now on, and asks the instance about by itself, is no longer what was counted.
      this.pool.version = 0;
    }
  }

  /**
   * Picks and opens a lease on the pick; `undefined` when there is none.
   * @throws AssertionError when the pick is not available: the core would not take it.
   */
  pick(exchange: Exchange = this.#world.exchange()): FakeLease | undefined {
    const backend = this.select(exchange);
    if (backend === undefined) return undefined;
    if (!this.pool.isAvailable(backend)) {
      const state = this.pool.backends.includes(backend) ? 'not available' : 'no member of the pool';
      assert.fail(`${this.use.name} picked ${backend.id ?? 'what is no backend'}, which is ${state}`);
    }
    return this.open(backend, exchange);
  }

  /** Opens a lease on a backend as if the strategy had picked it. */
  open(backend: FakeBackend, exchange: Exchange = this.#world.exchange()): FakeLease {
    return this.#world.lease(backend, exchange, this.instance);
  }

  /** So many picks, each ended at once. */
  picks(count: number): (Backend | undefined)[] {
    return Array.from({ length: count }, () => {
      const lease = this.pick();
      lease?.end();
      return lease?.backend;
    });
  }

  /**
   * The next generation of it, as a reload makes it: created beside this one, told the members, then `snapshot` and `adopt` back to back.
   * Leases that are open end on this one. Chance goes on where it was, whatever `create` took of it.
   * @param members those of the next generation; default the same
   */
  reload(use: StrategyUse = this.use, members: readonly MemberLike[] = this.#members): StrategyUnderTest {
    const chance = this.#world.random.save();
    const next = new StrategyUnderTest(use, this.#world, this.pool);
    next.update(members);
    const isHeir = use.name === this.use.name && (use.definition.stateVersion ?? 1) === (this.use.definition.stateVersion ?? 1);
    const state = isHeir ? this.instance.snapshot?.() : undefined;
    if (state !== undefined) next.instance.adopt?.(state);
    this.#world.random.restore(chance);
    return next;
  }
}

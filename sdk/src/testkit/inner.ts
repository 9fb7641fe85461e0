/** Strategies inside the one under test. Unlike in the core nothing is caught here: a test is to see what fails. */
import assert from 'node:assert/strict';
import type { InnerStrategy } from '../combine.ts';
import type { StrategyInstance, StrategyProtocol, StrategyUse } from '../define.ts';
import type { Member } from '../model.ts';
import { withDefaults } from '../options.ts';
import type { FakeHost } from './host.ts';

interface InnerSnapshot {
  readonly name: string;
  readonly version: number;
  readonly state: unknown;
}

/** @throws AssertionError at a pick that is not available: the core would not take it. */
export function createInner<P extends StrategyProtocol>(use: StrategyUse<P>, host: FakeHost): InnerStrategy<P> {
  // The schema, not the compiler, vouches for the options: their type was forgotten in the use.
  const instance = use.definition.create(withDefaults(use.definition.options, use.options) as never, host) as StrategyInstance<P>;
  host.seal();
  let members: readonly Member[] = [];
  const version = use.definition.stateVersion ?? 1;
  return {
    name: use.name,
    update: (given) => {
      members = given;
      instance.update(given);
    },
    select: (exchange, pool) => {
      const backend = instance.select(exchange, pool);
      if (backend !== undefined) assert.ok(pool.isAvailable(backend), `${use.name} picked ${backend.id ?? 'what is no backend'}, which is not available to it`);
      return backend;
    },
    onStart: (lease) => instance.onStart?.(lease),
    onHead: (lease, head) => instance.onHead?.(lease, head),
    onEnd: (lease, outcome) => instance.onEnd?.(lease, outcome),
    score: (backend, exchange) => {
      const member = members.find((each) => each.backend === backend);
      return member === undefined ? undefined : instance.score?.(member, exchange);
    },
    snapshot: (): InnerSnapshot | undefined => {
      const state = instance.snapshot?.();
      return state === undefined ? undefined : { name: use.name, version, state };
    },
    adopt: (given) => {
      const { name, version: inVersion, state } = (given ?? {}) as Partial<InnerSnapshot>;
      if (name === use.name && inVersion === version && state !== undefined) instance.adopt?.(state);
    },
  };
}

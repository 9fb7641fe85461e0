/** A strategy inside another, behind its own guards: what fails in it is its own failure, not that of the strategy around it. */
import type { InnerStrategy, Member, StrategyUse } from '@steelyard/sdk';
import { guardSelect, ignore } from './guard.ts';
import { Quarantine } from './quarantine.ts';
import type { PluginRuntime } from './runtime.ts';
import type { GuardedStrategy } from './strategy.ts';

/** What an inner strategy gives for the snapshot of the outer one: only its like takes it. */
interface InnerSnapshot {
  readonly name: string;
  readonly version: number;
  readonly state: unknown;
}

export function innerStrategy({ name, definition }: StrategyUse, plugin: PluginRuntime, instance: GuardedStrategy): InnerStrategy<never> {
  let members: readonly Member[] = [];
  const version = definition.stateVersion ?? 1;
  return {
    name,
    update: (given) => {
      members = given;
      instance.update(given);
    },
    select: guardSelect(new Quarantine(plugin, 'selectBackend'), (exchange, pool) => instance.select(exchange, pool)),
    onStart: instance.onStart ?? ignore,
    onHead: instance.onHead ?? ignore,
    onEnd: instance.onEnd ?? ignore,
    score: (backend, exchange) => {
      const member = members.find((each) => each.backend === backend);
      return member === undefined ? undefined : instance.score?.(member, exchange);
    },
    snapshot: (): InnerSnapshot | undefined => {
      const state = instance.snapshot?.();
      return state === undefined ? undefined : { name, version, state };
    },
    adopt: (given) => {
      const { name: from, version: inVersion, state } = (given ?? {}) as Partial<InnerSnapshot>;
      if (from === name && inVersion === version && state !== undefined) instance.adopt?.(state);
    },
  };
}

/** A pool's strategy behind guards: whatever its callbacks do, the core goes on. */
import type { Member, OnFailure, StrategyInstance } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import { nameOf } from './answer.ts';
import { guardHeadEdit, refusePromise } from './guard.ts';
import { Quarantine } from './quarantine.ts';
import type { PluginRuntime } from './runtime.ts';

/** A strategy's failure is no reason to refuse anybody: core has an order of its own to fall back to. */
export const STRATEGY_ON_FAILURE: OnFailure = 'open';

export interface GuardedStrategy extends StrategyInstance {
  /**
   * Set by each `select`. The strategy is the last tap: cleared before the hook's call and set after it, a pick is the
   * strategy's own, and the lease is told to it; a pick of a plugin's or of the core is not.
   */
  wasAsked: boolean;
}

/** @throws SteelyardError ERR_PLUGIN_DEFINITION when it is no strategy */
export function guardStrategy(plugin: PluginRuntime, instance: StrategyInstance): GuardedStrategy {
  checkShape(plugin, instance);
  /** What the last `update` failed over: tables half built. Tried again at the next pick, until it is done. */
  let missedMembers: readonly Member[] | undefined;
  const guarded: GuardedStrategy = {
    wasAsked: false,
    update(members) {
      missedMembers = undefined;
      try {
        refusePromise(instance.update(members));
      } catch (thrown) {
        missedMembers = members;
        plugin.report('update', thrown);
      }
    },
    // Not guarded here: it goes to `TapRegistry.compile`, whose guard counts its failures and checks its picks.
    select(exchange, pool) {
      guarded.wasAsked = true;
      if (missedMembers !== undefined) {
        refusePromise(instance.update(missedMembers));
        missedMembers = undefined;
      }
      return instance.select(exchange, pool);
    },
  };
  // No quarantine for these two: a strategy that hears of one end and not of the other counts wrongly for ever.
  if (instance.onStart) guarded.onStart = guardCallback(plugin, 'onStart', (lease) => instance.onStart!(lease));
  if (instance.onEnd) guarded.onEnd = guardCallback(plugin, 'onEnd', (lease, outcome) => instance.onEnd!(lease, outcome));
  if (instance.onHead) guarded.onHead = guardHeadEdit(new Quarantine(plugin, 'onHead'), (lease, head) => instance.onHead!(lease, head));
  if (instance.score) guarded.score = guardCallback(plugin, 'score', (member, exchange) => instance.score!(member, exchange)) as NonNullable<StrategyInstance['score']>;
  if (instance.snapshot) guarded.snapshot = guardCallback(plugin, 'snapshot', () => instance.snapshot!());
  if (instance.adopt) guarded.adopt = guardCallback(plugin, 'adopt', (state) => instance.adopt!(state));
  return guarded;
}

/** Failed = `undefined`: for `snapshot` and `adopt` that is a cold start. */
function guardCallback<A extends unknown[]>(plugin: PluginRuntime, name: string, fn: (...args: A) => unknown): (...args: A) => unknown {
  return (...args) => {
    try {
      const result = fn(...args);
      if (result !== undefined) refusePromise(result);
      return result;
    } catch (thrown) {
      plugin.report(name, thrown);
      return undefined;
    }
  };
}

function checkShape(plugin: PluginRuntime, instance: unknown): void {
  const fault = faultOfShape(instance);
  if (fault === '') return;
  throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `strategy ${plugin.name}: ${fault}`, hint: 'create must return { update, select } at once', source: 'plugin' });
}

function faultOfShape(instance: unknown): string {
  if (typeof instance !== 'object' || instance === null || !('update' in instance) || !('select' in instance)) return `create returned ${nameOf(instance)} without update and select`;
  const parts = instance as Record<string, unknown>;
  for (const name of ['update', 'select']) {
    if (typeof parts[name] !== 'function') return `${name} is ${nameOf(parts[name])}, not a function`;
  }
  for (const name of ['onStart', 'onHead', 'onEnd', 'score', 'snapshot', 'adopt']) {
    if (parts[name] !== undefined && typeof parts[name] !== 'function') return `${name} is ${nameOf(parts[name])}, not a function`;
  }
  return '';
}

/**
 * The tapable hooks of a generation, and the tap-only face that a plugin gets. Taps are collected while plugins are set up, then
 * compiled for each place that an exchange can pass. There is no untap: a reload builds a whole new generation of hooks.
 */
import { AsyncSeriesBailHook, SyncBailHook, SyncHook } from 'tapable';
import { SteelyardError } from '@steelyard/sdk';
import type {
  AsyncTapOptions, AsyncTappable, Backend, Connection, Exchange, HealthChange, HookName, Hooks, HttpExchange, Outcome, PoolView,
  ResponseHead, Result, SyncTappable, TapOptions,
} from '@steelyard/sdk';
import {
  CONNECT_RULES, type ConnectVerdict, type DecisionRules, guardAsyncDecision, guardDecision, REQUEST_RULES, type RequestVerdict,
} from './plugins/decision.ts';
import { type DecisionHook, ImmediateDecision } from './decision-hook.ts';
import { guardHeadEdit, guardNotice, guardSelect } from './plugins/guard.ts';
import { Quarantine } from './plugins/quarantine.ts';
import type { PluginRuntime } from './plugins/runtime.ts';

export type { DecisionHook } from './decision-hook.ts';
export type { ConnectVerdict, RedirectableExchange, RequestVerdict } from './plugins/decision.ts';
export type { RevertibleHead } from './plugins/guard.ts';

const DEFAULT_TIME_LIMIT_MS = 1_000;
const MAX_TIME_LIMIT_MS = 60_000;

/**
 * What passes one place, compiled; `undefined` = nobody taps: it costs one test. Callers use `call`, and `callAsync` with a
 * callback: `promise` costs 100 to 280 ns. None of them throws, and no callback is given an error.
 */
export interface HookSet {
  readonly onConnect: DecisionHook<Connection, ConnectVerdict> | undefined;
  readonly onRequest: DecisionHook<HttpExchange, RequestVerdict> | undefined;
  readonly selectBackend: SyncBailHook<[Exchange, PoolView], Backend> | undefined;
  readonly onResponseHead: SyncHook<[HttpExchange, ResponseHead]> | undefined;
  readonly onAttempt: SyncHook<[Exchange, Backend, Outcome]> | undefined;
  readonly onResponse: SyncHook<[Exchange, Result]> | undefined;
  readonly onHealthChange: SyncHook<[HealthChange]> | undefined;
}

/** Where a plugin stands: it hears only what passes there. */
export type Scope = { readonly kind: 'config' } | { readonly kind: 'listener' | 'route' | 'pool'; readonly name: string };

/** A pool's strategy as the last tap of `selectBackend`. */
interface StrategyTap {
  readonly plugin: PluginRuntime;
  readonly select: (exchange: Exchange, pool: PoolView) => Backend | undefined;
}

// Each guard has its own type; what ties it to its hook is `compile`, which reads taps by the hook's name.
type Guarded = (...args: never[]) => unknown;
interface Tap {
  readonly hook: HookName;
  readonly plugin: PluginRuntime;
  readonly scope: string;
  readonly stage: number;
  /** Order of registration, unique. */
  readonly order: number;
  readonly isAsync: boolean;
  readonly guarded: Guarded;
}

export class TapRegistry {
  readonly #taps: Tap[] = [];
  /** Places with the same taps share a hook: tapable compiles a function for each, and call sites stay monomorphic. */
  readonly #compiled = new Map<string, unknown>();
  readonly #thread: 'main' | 'workers';
  /** What was compiled, and for where: a plugin that taps too late may have to be refused there. */
  readonly #places: { readonly scopes: ReadonlySet<string>; readonly decisions: Decisions }[] = [];
  readonly #refusing: { readonly plugin: PluginRuntime; readonly hook: HookName; readonly scope: string }[] = [];
  #isClosed = false;
  #lateTap: SteelyardError | undefined;

  /** @param thread whose taps these are: only health changes pass in main */
  constructor(thread: 'main' | 'workers' = 'workers') {
    this.#thread = thread;
  }

  /** The tap-only face of one plugin in one scope. */
  face(plugin: PluginRuntime, scope: Scope): Hooks {
    const add = (hook: HookName, guarded: Guarded, options: TapOptions, isAsync = false): void => {
      const stage = options.stage ?? 0;
      if (!Number.isFinite(stage)) throw misuse(plugin, hook, `stage is ${stage}; allowed is a finite number`);
      this.#taps.push({ hook, plugin, scope: keyOf(scope), stage, order: this.#taps.length, isAsync, guarded });
    };
    const check = (hook: HookName, fn: unknown): void => {
      if (this.#isClosed || plugin.isSetUp) throw this.#tooLate(plugin, hook, scope);
      if (typeof fn !== 'function') throw misuse(plugin, hook, 'what it tapped is no function');
      if (this.#thread === 'main' && hook !== 'onHealthChange') {
        throw misuse(plugin, hook, "it runs in main, where no traffic passes: leave `runs: 'main'` out, or tap onHealthChange alone");
      }
      if (hook === 'onConnect' && (scope.kind === 'route' || scope.kind === 'pool')) {
        throw misuse(plugin, hook, `it stands on ${scope.kind} ${scope.name}, but a connection has no ${scope.kind} yet: put it on a listener or on the config`);
      }
    };
    const sync = <A extends unknown[], R>(
      hook: HookName, guard: (tap: Quarantine, fn: (...args: A) => R) => Guarded,
    ): SyncTappable<A, R> => Object.freeze({
      tap(fn: (...args: A) => R, options: TapOptions = {}): void {
        check(hook, fn);
        add(hook, guard(new Quarantine(plugin, hook), fn), options);
      },
    });
    const deciding = <S, V, R>(hook: HookName, rules: DecisionRules<S, V>): AsyncTappable<[S], R> => Object.freeze({
      tap(fn: (subject: S) => R, options: TapOptions = {}): void {
        check(hook, fn);
        add(hook, guardDecision(new Quarantine(plugin, hook), rules, fn), options);
      },
      tapPromise(fn: (subject: S) => Promise<R>, options: AsyncTapOptions = {}): void {
        check(hook, fn);
        const limitMs = options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS;
        if (!(limitMs >= 1 && limitMs <= MAX_TIME_LIMIT_MS)) throw misuse(plugin, hook, `timeLimitMs is ${limitMs}; allowed is 1 to 60,000`);
        add(hook, guardAsyncDecision(new Quarantine(plugin, hook), rules, plugin.timeLimits.of(limitMs), fn), options, true);
      },
    });
    return Object.freeze({
      onConnect: deciding('onConnect', CONNECT_RULES),
      onRequest: deciding('onRequest', REQUEST_RULES),
      selectBackend: sync('selectBackend', guardSelect),
      onResponseHead: sync('onResponseHead', guardHeadEdit<HttpExchange>),
      onAttempt: sync('onAttempt', guardNotice),
      onResponse: sync('onResponse', guardNotice),
      onHealthChange: sync('onHealthChange', guardNotice),
    } satisfies Hooks);
  }

  /**
   * The hooks for one place. Taps of `scopes` in that order (outer first), within a scope by stage, then by registration;
   * the pool's strategy behind all of them. A plugin's place in the config does not matter across scopes.
   */
  compile(scopes: readonly Scope[], strategy?: StrategyTap): HookSet {
    const order = new Map(scopes.map((scope, index) => [keyOf(scope), index]));
    const taps = this.#taps
      .filter((tap) => order.has(tap.scope))
      .sort((a, b) => order.get(a.scope)! - order.get(b.scope)! || a.stage - b.stage || a.order - b.order);
    const compiled = <H extends object>(hook: HookName, make: () => H): H | undefined => this.#hook(taps.filter((tap) => tap.hook === hook), make);
    const decisions = new Decisions();
    decisions.onConnect = this.#decisionHook<Connection, ConnectVerdict>(taps.filter((tap) => tap.hook === 'onConnect'));
    decisions.onRequest = this.#decisionHook<HttpExchange, RequestVerdict>(taps.filter((tap) => tap.hook === 'onRequest'));
    this.#places.push({ scopes: new Set(order.keys()), decisions });
    this.#refuseLate();
    return Object.assign(decisions, {
      selectBackend: this.#selectHook(taps.filter((tap) => tap.hook === 'selectBackend'), strategy),
      onResponseHead: compiled('onResponseHead', () => new SyncHook<[HttpExchange, ResponseHead]>(['exchange', 'head'])),
      onAttempt: compiled('onAttempt', () => new SyncHook<[Exchange, Backend, Outcome]>(['exchange', 'backend', 'outcome'])),
      onResponse: compiled('onResponse', () => new SyncHook<[Exchange, Result]>(['exchange', 'result'])),
      onHealthChange: compiled('onHealthChange', () => new SyncHook<[HealthChange]>(['change'])),
    });
  }

  #hook<H extends object>(taps: readonly Tap[], make: () => H): H | undefined {
    const first = taps[0];
    if (first === undefined) return undefined;
    const key = `${first.hook} ${taps.map((tap) => tap.order).join(' ')}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known as H;
    const hook = make();
    addTaps(hook, taps);
    this.#compiled.set(key, hook);
    return hook;
  }

  /** Where no tap waits, a hook that cannot wait: tapable makes closures at each call of one that can. */
  #decisionHook<S, V>(taps: readonly Tap[]): DecisionHook<S, V> | undefined {
    if (taps.some(({ isAsync }) => isAsync)) return this.#hook(taps, () => new AsyncSeriesBailHook<[S], V>(['subject']));
    return this.#hook(taps, () => new ImmediateDecision<S, V>());
  }

  #selectHook(taps: readonly Tap[], strategy: StrategyTap | undefined): HookSet['selectBackend'] {
    const make = (): NonNullable<HookSet['selectBackend']> => new SyncBailHook<[Exchange, PoolView], Backend>(['exchange', 'pool']);
    if (strategy === undefined) return this.#hook(taps, make);
    const hook = make();
    addTaps(hook, taps);
    hook.tap(strategy.plugin.name, this.#strategyGuard(strategy));
    return hook;
  }

  /** One quarantine for a strategy, however many routes lead to its pool. */
  readonly #strategyGuards = new WeakMap<StrategyTap['select'], (exchange: Exchange, pool: PoolView) => Backend>();
  #strategyGuard({ plugin, select }: StrategyTap): (exchange: Exchange, pool: PoolView) => Backend {
    let guarded = this.#strategyGuards.get(select);
    if (guarded === undefined) {
      guarded = guardSelect(new Quarantine(plugin, 'selectBackend'), select);
      this.#strategyGuards.set(select, guarded);
    }
    return guarded;
  }

  /**
   * Set-up is over: from here on a tap is an error, ERR_PLUGIN_LATE_TAP.
   * @throws SteelyardError ERR_PLUGIN_LATE_TAP when one came behind its plugin's own set-up: what it is to decide would not be asked for
   */
  close(): void {
    this.#isClosed = true;
    if (this.#lateTap) throw this.#lateTap;
  }

  /** The plugin throws it into a promise that nobody awaits, as a rule: so it is told here, and a closed plugin refuses where it stands. */
  #tooLate(plugin: PluginRuntime, hook: HookName, scope: Scope): SteelyardError {
    const error = lateTap(plugin, hook);
    plugin.report(hook, error);
    if (!this.#isClosed) this.#lateTap ??= error;
    if (plugin.onFailure === 'open' || plugin.hasEnded) return error;
    this.#refusing.push({ plugin, hook, scope: keyOf(scope) });
    this.#refuseLate();
    return error;
  }

  #refuseLate(): void {
    for (const { plugin, hook, scope } of this.#refusing) {
      for (const { scopes, decisions } of this.#places) {
        if (!scopes.has(scope)) continue;
        if (hook === 'onConnect') decisions.onConnect = refusing(CONNECT_RULES, plugin);
        if (hook === 'onRequest') decisions.onRequest = refusing(REQUEST_RULES, plugin);
      }
    }
  }
}

/** The two hooks of a place that decide. They change when a plugin that is closed taps too late. */
class Decisions implements Pick<HookSet, 'onConnect' | 'onRequest'> {
  onConnect: HookSet['onConnect'];
  onRequest: HookSet['onRequest'];
}

function refusing<S, V>(rules: DecisionRules<S, V>, plugin: PluginRuntime): DecisionHook<S, V> {
  return { callAsync: (_subject, heard) => heard(null, rules.refusal(plugin.name, 'ERR_PLUGIN_TAP')) };
}

/** Any of tapable's hooks, its types forgotten: a tap's guard is of the kind that its hook takes. */
interface TappableHook {
  tap(name: string, fn: Guarded): void;
  tapAsync(name: string, fn: Guarded): void;
}

function addTaps(hook: object, taps: readonly Tap[]): void {
  const tappable = hook as TappableHook;
  for (const { plugin, guarded, isAsync } of taps) {
    if (isAsync) tappable.tapAsync(plugin.name, guarded);
    else tappable.tap(plugin.name, guarded);
  }
}

function keyOf(scope: Scope): string {
  return scope.kind === 'config' ? 'config' : `${scope.kind} ${scope.name}`;
}

function lateTap(plugin: PluginRuntime, hook: HookName): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_LATE_TAP', {
    message: `plugin ${plugin.name} tapped ${hook} after its set-up had ended`,
    hint: 'tap in setup or create, before its promise resolves, and decide inside the tap whether there is something to do',
    source: 'plugin',
  });
}

function misuse(plugin: PluginRuntime, hook: HookName, fault: string): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `plugin ${plugin.name}, hook ${hook}: ${fault}`, source: 'plugin' });
}

/** Hooks that a test calls: plugins tap them through `host.hooks`, the test plays the core's part. */
import { SteelyardError } from '../errors.ts';
import type { ConnectDecision, HookName, Hooks, RequestDecision, TapOptions } from '../hooks.ts';
import type { Backend } from '../model.ts';

type ArgumentsOf<N extends HookName> = Parameters<Parameters<Hooks[N]['tap']>[0]>;
interface RegisteredTap {
  readonly host: object;
  readonly stage: number;
  readonly fn: (...args: never[]) => unknown;
}

/**
 * One hook. `call` runs the taps in order of stage, then of registration. What a tap throws comes out: the kit guards nothing.
 * @example
 * const w = world();
 * w.host('mine').hooks.selectBackend.tap((_exchange, pool) => pool.backends[0]);
 * w.hooks.selectBackend.call(w.exchange(), w.pool(w.backends(2)))?.address; // 10.0.0.1:80
 */
export class FakeHook<A extends unknown[], R> {
  /** Taps registered and not ended. */
  get tapCount(): number {
    return this.#taps.length;
  }
  #taps: RegisteredTap[] = [];
  readonly #run: (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]) => R;

  constructor(run: (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]) => R) {
    this.#run = run;
  }

  /** Plays the core: asks every tap that the hook's rule asks, and gives its decision. */
  call(...args: A): R {
    return this.#run((tap) => tap.fn(...(args as unknown as never[])), this.#taps);
  }

  add(tap: RegisteredTap): void {
    this.#taps = [...this.#taps, tap].sort((a, b) => a.stage - b.stage);
  }
  drop(host: object): void {
    this.#taps = this.#taps.filter((tap) => tap.host !== host);
  }
}

const all = (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]): void => {
  for (const tap of taps) call(tap);
};
const first = (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]): Backend | undefined => {
  for (const tap of taps) {
    const picked = call(tap);
    if (picked !== undefined) return picked as Backend;
  }
  return undefined;
};
const firstAwaited = async (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]): Promise<ConnectDecision> => {
  for (const tap of taps) {
    const decision = await call(tap);
    if (decision !== undefined) return decision as ConnectDecision;
  }
  return undefined;
};
/** `{ respond }` ends it; of several `{ pool }` the first counts, and the taps behind are still asked. */
const requestDecision = async (call: (tap: RegisteredTap) => unknown, taps: readonly RegisteredTap[]): Promise<RequestDecision> => {
  let pool: RequestDecision;
  for (const tap of taps) {
    const decision = (await call(tap)) as RequestDecision;
    if (decision && 'respond' in decision) return decision;
    pool ??= decision;
  }
  return pool;
};

/**
 * All hooks of a world.
 * @example
 * const w = world();
 * w.host('mine').hooks.onRequest.tap(() => ({ respond: { status: 403 } }));
 * await w.hooks.onRequest.call(w.exchange()); // { respond: { status: 403 } }
 */
export class FakeHooks {
  readonly onConnect = new FakeHook<ArgumentsOf<'onConnect'>, Promise<ConnectDecision>>(firstAwaited);
  readonly onRequest = new FakeHook<ArgumentsOf<'onRequest'>, Promise<RequestDecision>>(requestDecision);
  readonly selectBackend = new FakeHook<ArgumentsOf<'selectBackend'>, Backend | undefined>(first);
  readonly onResponseHead = new FakeHook<ArgumentsOf<'onResponseHead'>, void>(all);
  readonly onAttempt = new FakeHook<ArgumentsOf<'onAttempt'>, void>(all);
  readonly onResponse = new FakeHook<ArgumentsOf<'onResponse'>, void>(all);
  readonly onHealthChange = new FakeHook<ArgumentsOf<'onHealthChange'>, void>(all);

  /** The tap-only face that one plugin gets. */
  faceFor(plugin: string, host: object, isSealed: () => boolean): Hooks {
    const face = (name: HookName) => {
      const tap = (fn: (...args: never[]) => unknown, { stage = 0 }: TapOptions = {}) => {
        if (isSealed()) {
          throw new SteelyardError('ERR_PLUGIN_LATE_TAP', { message: `${plugin} tapped ${name} after its set-up had ended`, source: 'plugin' });
        }
        this[name].add({ host, stage, fn });
      };
      return { tap, tapPromise: tap };
    };
    return {
      onConnect: face('onConnect'), onRequest: face('onRequest'), selectBackend: face('selectBackend'), onResponseHead: face('onResponseHead'),
      onAttempt: face('onAttempt'), onResponse: face('onResponse'), onHealthChange: face('onHealthChange'),
    };
  }

  /** The taps of a host that ended. */
  drop(host: object): void {
    for (const hook of [this.onConnect, this.onRequest, this.selectBackend, this.onResponseHead, this.onAttempt, this.onResponse, this.onHealthChange]) {
      hook.drop(host);
    }
  }
}

/** The hooks that decide, `onConnect` and `onRequest`, as the data path calls them. */
import { SyncBailHook } from 'tapable';

export interface DecisionHook<S, V> {
  /** `heard` is called once, perhaps before this returns, never from inside a tap; with an error only if a guard let one through. */
  callAsync(subject: S, heard: (error: Error | null, verdict?: V) => void): void;
}

/** All taps decide at once. */
export class ImmediateDecision<S, V> implements DecisionHook<S, V> {
  readonly #hook = new SyncBailHook<[S], V>(['subject']);

  tap(name: string, fn: (subject: S) => V): void {
    this.#hook.tap(name, fn);
  }

  callAsync(subject: S, heard: (error: Error | null, verdict?: V) => void): void {
    let verdict: V | undefined;
    try {
      verdict = this.#hook.call(subject);
    } catch (thrown) {
      return heard(thrown as Error);
    }
    heard(null, verdict);
  }
}

/** `host.shared`: what must exist once, over generations. It lives as long as one living generation claims it. */
import { SteelyardError } from '@steelyard/sdk';
import { CLEAN_UP_LIMIT_MS, withinLimit } from './runtime.ts';

/** A generation, as one who claims. */
export type Claimant = object;

interface SharedValue {
  readonly value: Promise<unknown>;
  /** Each living generation with the `close` that it gave: that of one that has ended would hold whatever it closes over. */
  readonly claimants: Map<Claimant, (value: unknown) => unknown>;
}

export class SharedRegistry {
  readonly #values = new Map<string, SharedValue>();
  /** Values on their way out, by key: the next one is opened when the last one is closed (a port, a lock file). */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #released = new WeakSet<Claimant>();
  readonly #onCloseFailure: (plugin: string, thrown: unknown) => void;

  /** @param onCloseFailure told when a `close` throws or rejects; by then nobody who could be blamed may be left */
  constructor(onCloseFailure: (plugin: string, thrown: unknown) => void = () => {}) {
    this.#onCloseFailure = onCloseFailure;
  }

  /**
   * The value of that key, opened when there is none. Of the generation that is the last to release it, the first claim's `close` is the one that counts.
   * @throws SteelyardError ERR_SHARED when `open` fails; the next claim opens anew. ERR_STATE when the claimant has released already.
   */
  async claim<T>(claimant: Claimant, plugin: string, key: string, open: () => T | Promise<T>, close: (value: T) => unknown): Promise<T> {
    const name = `${plugin}/${key}`;
    for (let closing = this.#closing.get(name); closing; closing = this.#closing.get(name)) await closing;
    // Also after the wait: a set-up that overran its time limit must not open what nobody will close.
    if (this.#released.has(claimant)) throw new SteelyardError('ERR_STATE', { message: `plugin ${plugin} asked for shared ${key} after its generation had ended`, source: 'plugin' });
    let shared = this.#values.get(name);
    if (shared === undefined) {
      // `async`: a throw of `open` becomes a rejection too.
      const value = (async () => open())();
      shared = { value, claimants: new Map() };
      this.#values.set(name, shared);
    }
    if (!shared.claimants.has(claimant)) shared.claimants.set(claimant, close as (value: unknown) => unknown);
    try {
      return (await shared.value) as T;
    } catch (cause) {
      if (this.#values.get(name) === shared) this.#values.delete(name);
      throw new SteelyardError('ERR_SHARED', { message: `plugin ${plugin} could not open its shared ${key}`, source: 'plugin', cause });
    }
  }

  /** Gives back all claims of one generation; resolves when what nobody claims any more is closed. Never rejects. */
  async release(claimant: Claimant): Promise<void> {
    this.#released.add(claimant);
    const ends: Promise<void>[] = [];
    // Last opened first: a later one may stand on an earlier one.
    for (const [name, shared] of [...this.#values].toReversed()) {
      const close = shared.claimants.get(claimant);
      if (!close || (shared.claimants.delete(claimant) && shared.claimants.size > 0)) continue;
      this.#values.delete(name);
      const end = withinLimit(this.#close(shared, close), CLEAN_UP_LIMIT_MS, () => new Error(`closing ${name} took longer than ${CLEAN_UP_LIMIT_MS} ms`))
        .catch((thrown: unknown) => this.#onCloseFailure(name.slice(0, name.indexOf('/')), thrown))
        .finally(() => this.#closing.delete(name));
      this.#closing.set(name, end);
      ends.push(end);
    }
    await Promise.all(ends);
  }

  async #close(shared: SharedValue, close: (value: unknown) => unknown): Promise<void> {
    let value: unknown;
    try {
      value = await shared.value;
    } catch {
      return; // never opened: whoever asked has been told
    }
    await close(value);
  }
}

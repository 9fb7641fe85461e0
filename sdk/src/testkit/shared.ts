/** `host.shared` of a world: opened by the first claim, closed with the last. */
import { SteelyardError } from '../errors.ts';

interface Entry {
  readonly value: Promise<unknown>;
  readonly close: (value: unknown) => void | Promise<void>;
  readonly claims: Set<object>;
}

export class SharedThings {
  readonly #entries = new Map<string, Entry>();

  async claim<T>(owner: object, key: string, open: () => T | Promise<T>, close: (value: T) => void | Promise<void>): Promise<T> {
    const entry: Entry = this.#entries.get(key) ?? {
      value: Promise.resolve().then(open),
      close: (value) => close(value as T),
      claims: new Set(),
    };
    this.#entries.set(key, entry);
    entry.claims.add(owner);
    try {
      return (await entry.value) as T;
    } catch (cause) {
      this.#entries.delete(key);
      throw new SteelyardError('ERR_SHARED', { source: 'plugin', cause });
    }
  }

  /** The owner's claims end. */
  async release(owner: object): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (!entry.claims.delete(owner) || entry.claims.size > 0) continue;
      this.#entries.delete(key);
      await entry.close(await entry.value);
    }
  }
}

/** The addresses of backends' names in a worker: main looks them up, and tells. */
import { isIP } from 'node:net';

/** Names of backends become addresses by it. */
export interface HostNames {
  /** Keeps the name fresh until as many `release`s. */
  claim(host: string): Promise<void>;
  release(host: string): void;
  /** An address to connect to, several in turn; `undefined` = the name has none yet. */
  address(host: string): string | undefined;
}

export class GivenAddresses implements HostNames {
  readonly #names = new Map<string, { addresses: readonly string[]; next: number }>();

  /** All that main knows of the name, in place of what it said before. */
  set(host: string, addresses: readonly string[]): void {
    const name = this.#names.get(host);
    if (addresses.length === 0) this.#names.delete(host);
    else if (name) name.addresses = addresses;
    else this.#names.set(host, { addresses, next: 0 });
  }

  claim(): Promise<void> {
    return Promise.resolve();
  }
  release(): void {}

  address(host: string): string | undefined {
    const name = this.#names.get(host);
    if (!name) return isIP(host) === 0 ? undefined : host;
    name.next = (name.next + 1) % name.addresses.length;
    return name.addresses[name.next];
  }
}

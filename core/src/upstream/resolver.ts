/**
 * Names of backends become addresses here, off the data path: looked up in the background, the last good answer kept.
 * The system's resolver tells no TTL, so a name is asked again every 30 s.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { describeError, type Logger } from '@steelyard/sdk';
import type { HostNames } from './given-addresses.ts';

export const REFRESH_MS = 30_000;

export type Lookup = (host: string) => Promise<readonly string[]>;

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

interface Name {
  addresses: readonly string[];
  next: number;
  users: number;
  failure: string;
  isAsking: Promise<void> | undefined;
}

export class Resolver implements HostNames {
  readonly #log: Logger;
  readonly #lookup: Lookup;
  readonly #names = new Map<string, Name>();
  #timer: NodeJS.Timeout | undefined;

  readonly #onChange: (host: string, addresses: readonly string[]) => void;

  /** @param onChange a name has other addresses, or none any more because nobody uses it */
  constructor(log: Logger, lookup: Lookup = systemLookup, onChange: (host: string, addresses: readonly string[]) => void = () => {}) {
    this.#log = log;
    this.#lookup = lookup;
    this.#onChange = onChange;
  }

  /** Keeps the name fresh until as many `release`s. Resolves after the first look-up, whether it found anything or not. */
  async claim(host: string): Promise<void> {
    if (isIP(host) !== 0) return;
    let name = this.#names.get(host);
    if (!name) this.#names.set(host, (name = { addresses: [], next: 0, users: 0, failure: '', isAsking: undefined }));
    name.users++;
    this.#timer ??= setInterval(() => void this.#refresh(), REFRESH_MS).unref();
    if (name.addresses.length === 0) await this.#ask(host, name);
  }

  release(host: string): void {
    const name = this.#names.get(host);
    if (!name || --name.users > 0) return;
    this.#names.delete(host);
    this.#onChange(host, []);
    if (this.#names.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** An address to connect to, several in turn; `undefined` = the name has none yet. */
  address(host: string): string | undefined {
    const name = this.#names.get(host);
    if (!name) return isIP(host) === 0 ? undefined : host;
    if (name.addresses.length === 0) return undefined;
    name.next = (name.next + 1) % name.addresses.length;
    return name.addresses[name.next];
  }

  /** Every name that has addresses, and which. */
  known(): [host: string, addresses: readonly string[]][] {
    return [...this.#names].filter(([, { addresses }]) => addresses.length > 0).map(([host, { addresses }]) => [host, addresses]);
  }

  async #refresh(): Promise<void> {
    await Promise.all([...this.#names].map(([host, name]) => this.#ask(host, name)));
  }

  #ask(host: string, name: Name): Promise<void> {
    name.isAsking ??= this.#askOnce(host, name).finally(() => (name.isAsking = undefined));
    return name.isAsking;
  }

  async #askOnce(host: string, name: Name): Promise<void> {
    try {
      const addresses = await this.#lookup(host);
      if (addresses.length > 0 && addresses.join() !== name.addresses.join()) {
        name.addresses = addresses;
        this.#onChange(host, addresses);
      }
      name.failure = '';
    } catch (error) {
      const failure = describeError(error);
      if (failure !== name.failure) this.#log.warn({ host }, `cannot resolve ${host}: ${failure}; ${name.addresses.length > 0 ? 'its last addresses stay in use' : 'its backends cannot be reached'}`);
      name.failure = failure;
    }
  }
}

/**
 * What a client shows to come back to its backend: HMAC-SHA256 of the backend's id under a secret. It tells nothing about the backend, cannot be made up
 * without the secret, and is the same in every worker and after a restart. All are worked out when the members change: a request costs one look-up.
 */
import { createHmac } from 'node:crypto';
import type { Backend, Member } from '@steelyard/sdk';

/** 144 bits, 24 characters of base64url without padding. */
const TOKEN_BYTES = 18;

export interface Token {
  readonly backend: Backend;
  /** Made with the first of the secrets: nothing better can be given. */
  readonly isCurrent: boolean;
}

export class Tokens {
  #byValue = new Map<string, Token>();
  #ofBackend = new Map<Backend, string>();
  /** By backend id, so that a change of membership hashes only what is new. */
  #known = new Map<string, readonly string[]>();
  readonly #secrets: readonly string[];

  /** @param secrets the first one signs, all are accepted */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  setMembers(members: readonly Member[]): void {
    const taking = members.filter(({ weight }) => weight > 0);
    this.#known = new Map(taking.map(({ backend: { id } }) => [id, this.#known.get(id) ?? this.#secrets.map((secret) => sign(secret, id))]));
    this.#byValue = new Map();
    this.#ofBackend = new Map();
    for (const { backend } of taking) {
      const values = this.#known.get(backend.id)!;
      this.#ofBackend.set(backend, values[0]!);
      values.forEach((value, i) => this.#byValue.set(value, { backend, isCurrent: i === 0 }));
    }
  }

  /** `undefined` = nobody's, of a backend that left, or made up. */
  find(value: string): Token | undefined {
    return this.#byValue.get(value);
  }

  of(backend: Backend): string | undefined {
    return this.#ofBackend.get(backend);
  }
}

export function sign(secret: string, id: string): string {
  return createHmac('sha256', secret).update(id).digest().subarray(0, TOKEN_BYTES).toString('base64url');
}

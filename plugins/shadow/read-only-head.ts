/** A response head for somebody who is never obeyed: it can be read, and edits go nowhere. */
import type { ResponseHead } from '@steelyard/sdk';

export class ReadOnlyHead implements ResponseHead {
  readonly #head: ResponseHead;

  constructor(head: ResponseHead) {
    this.#head = head;
  }
  get status(): number {
    return this.#head.status;
  }
  header(name: string): string | undefined {
    return this.#head.header(name);
  }
  headerValues(name: string): string[] {
    return this.#head.headerValues(name);
  }
  hasHeader(name: string): boolean {
    return this.#head.hasHeader(name);
  }
  headers(): [name: string, value: string][] {
    return this.#head.headers();
  }
  setHeader(): void {}
  appendHeader(): void {}
  removeHeader(): void {}
}

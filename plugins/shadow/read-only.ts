/** Messages, exchanges and leases for somebody who is never obeyed: all can be read, and edits go nowhere. One object serves many, so nothing allocates. */
import type { Backend, Connection, Exchange, HeadFields, Lease, PoolView, RequestHead, ResponseHead, Route } from '@steelyard/sdk';

abstract class ReadOnlyFields<H extends HeadFields> implements HeadFields {
  protected head!: H;

  of(head: H): this {
    this.head = head;
    return this;
  }
  header(name: string): string | undefined {
    return this.head.header(name);
  }
  headerValues(name: string): string[] {
    return this.head.headerValues(name);
  }
  hasHeader(name: string): boolean {
    return this.head.hasHeader(name);
  }
  headers(): [name: string, value: string][] {
    return this.head.headers();
  }
  setHeader(): void {}
  appendHeader(): void {}
  removeHeader(): void {}
}

export class ReadOnlyResponse extends ReadOnlyFields<ResponseHead> implements ResponseHead {
  get status(): number {
    return this.head.status;
  }
}

class ReadOnlyRequest extends ReadOnlyFields<RequestHead> implements RequestHead {
  get method(): string {
    return this.head.method;
  }
  get target(): string {
    return this.head.target;
  }
  get path(): string {
    return this.head.path;
  }
  get query(): string {
    return this.head.query;
  }
  get host(): string {
    return this.head.host;
  }
  get version(): RequestHead['version'] {
    return this.head.version;
  }
  setTarget(): void {}
}

export class ReadOnlyExchange {
  #exchange!: Exchange;
  readonly #request = new ReadOnlyRequest();

  /** Shows this one from now on. */
  of(exchange: Exchange): Exchange {
    this.#exchange = exchange;
    return this as unknown as Exchange;
  }
  get id(): number {
    return this.#exchange.id;
  }
  get connection(): Connection {
    return this.#exchange.connection;
  }
  get clientAddress(): string {
    return this.#exchange.clientAddress;
  }
  get attempts(): number {
    return this.#exchange.attempts;
  }
  get startedAt(): number {
    return this.#exchange.startedAt;
  }
  get protocol(): Exchange['protocol'] {
    return this.#exchange.protocol;
  }
  get request(): RequestHead | undefined {
    const { request } = this.#exchange;
    return request === undefined ? undefined : this.#request.of(request);
  }
  get route(): Route | undefined {
    return this.#exchange.route;
  }
}

/** A pool that cannot be refused: who is never obeyed must not send the exchange away either. */
export class ReadOnlyPool implements PoolView {
  #pool!: PoolView;

  of(pool: PoolView): this {
    this.#pool = pool;
    return this;
  }
  get name(): string {
    return this.#pool.name;
  }
  get backends(): readonly Backend[] {
    return this.#pool.backends;
  }
  get version(): number {
    return this.#pool.version ?? 0;
  }
  isAvailable(backend: Backend): boolean {
    return this.#pool.isAvailable(backend);
  }
  inFlightAt(row: number): number {
    return this.#pool.inFlightAt(row);
  }
  nobody(): undefined {}
}

export class ReadOnlyLease implements Lease {
  #lease!: Lease;
  readonly #exchange = new ReadOnlyExchange();

  of(lease: Lease): this {
    this.#lease = lease;
    return this;
  }
  get slot(): number {
    return this.#lease.slot;
  }
  get backend(): Backend {
    return this.#lease.backend;
  }
  get exchange(): Exchange {
    return this.#exchange.of(this.#lease.exchange);
  }
  get startedAt(): number {
    return this.#lease.startedAt;
  }
}

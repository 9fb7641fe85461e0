/** Exchanges without a socket. */
import type { Connection, Exchange, HttpExchange, Protocol, Route, TcpExchange } from '../model.ts';
import { FakeRequestHead } from './fields.ts';
import type { FakeRequestSpec } from './fields.ts';

interface FakeExchangeBase {
  /** The client's address, also the peer's. Default `192.0.2.1`. */
  clientAddress?: string;
  /** Leases opened so far. Default 0. */
  attempts?: number;
  /** Name of the listener. Default `http` or `tcp`. */
  listener?: string;
}
/**
 * What a test says about an HTTP exchange.
 * @example
 * import type { FakeHttpSpec } from '@steelyard/sdk/testkit';
 * const retried: FakeHttpSpec = { method: 'POST', attempts: 1, route: { name: 'api', pool: 'api' } };
 */
export interface FakeHttpSpec extends FakeExchangeBase, FakeRequestSpec {
  protocol?: 'http';
  /** Default: a route `all` to the pool `api`; `null` = none matched. */
  route?: Route | null;
}
/**
 * What a test says about a TCP exchange.
 * @example
 * import type { FakeTcpSpec } from '@steelyard/sdk/testkit';
 * const redis: FakeTcpSpec = { protocol: 'tcp', listener: 'redis', clientAddress: '2001:db8::1' };
 */
export interface FakeTcpSpec extends FakeExchangeBase {
  protocol: 'tcp';
}
/**
 * What a test says about an exchange.
 * @example
 * import type { FakeExchangeSpec } from '@steelyard/sdk/testkit';
 * const both: FakeExchangeSpec[] = [{ target: '/' }, { protocol: 'tcp' }];
 */
export type FakeExchangeSpec = FakeHttpSpec | FakeTcpSpec;

/**
 * The exchange that a spec describes.
 * @example
 * import type { FakeExchange } from '@steelyard/sdk/testkit';
 * const exchange: FakeExchange<{ target: string }> = world().exchange({ target: '/cart' });
 * exchange.request.path; // '/cart'
 */
export type FakeExchange<S extends FakeExchangeSpec> = S extends FakeTcpSpec ? TcpExchange : HttpExchange & { readonly request: FakeRequestHead };

export function fakeExchange(id: number, now: number, spec: FakeExchangeSpec): Exchange {
  const base = {
    id,
    connection: fakeConnection(id, now, spec.protocol ?? 'http', spec),
    clientAddress: spec.clientAddress ?? '192.0.2.1',
    attempts: spec.attempts ?? 0,
    startedAt: now,
  };
  if (spec.protocol === 'tcp') return { ...base, protocol: 'tcp', request: undefined, route: undefined };
  const route = spec.route === undefined ? { name: 'all', pool: 'api' } : (spec.route ?? undefined);
  return { ...base, protocol: 'http', request: new FakeRequestHead(spec), route };
}

function fakeConnection(id: number, now: number, protocol: Protocol, spec: FakeExchangeBase): Connection {
  return {
    id,
    listener: spec.listener ?? protocol,
    protocol,
    remoteAddress: spec.clientAddress ?? '192.0.2.1',
    remotePort: 49_152 + (id % 16_384),
    localAddress: '198.51.100.1',
    localPort: 8080,
    openedAt: now,
  };
}

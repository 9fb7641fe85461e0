/**
 * Who the client is, and how the backend is told: X-Forwarded-* (de facto), Forwarded (RFC 7239), Via (RFC 9110 §7.6.3), Host.
 * What an untrusted client says of itself is left out; what a trusted proxy says is believed and continued.
 */
import type { ListenerPlan } from '../generation.ts';
import type { RequestWire } from '../http1/request-head.ts';
import { pathOf, withoutDotSegments } from '../http1/target.ts';
import { clientFromForwarded } from './address.ts';
import type { Exchange } from './exchange.ts';
import { rewriteTarget } from './route.ts';

const NO_LINES = Buffer.alloc(0);

export class WireSettings implements RequestWire {
  hostLine: Buffer | undefined = undefined;
  extra: Buffer = NO_LINES;
  dropForwarding = true;
  forwardedHost = false;
}

/** The lines of our own that are the same for every request of a connection. */
export class ForwardingLines {
  readonly #plan: ListenerPlan;
  readonly #remote: string;
  readonly isTrusted: boolean;
  #http10: Buffer | undefined;
  #http11: Buffer | undefined;

  constructor(plan: ListenerPlan, remote: string) {
    this.#plan = plan;
    this.#remote = remote;
    this.isTrusted = !plan.trustedProxies.isEmpty && plan.trustedProxies.has(remote);
  }

  isFor(plan: ListenerPlan): boolean {
    return this.#plan === plan;
  }

  lines(version: '1.0' | '1.1'): Buffer {
    if (version === '1.1') return (this.#http11 ??= this.#make(version));
    return (this.#http10 ??= this.#make(version));
  }

  #make(version: string): Buffer {
    const { xForwarded, via } = this.#plan.config.forwarding;
    // Behind a trusted proxy the forwarding fields differ by request; they are edits then.
    const own = xForwarded && !this.isTrusted ? `X-Forwarded-For: ${this.#remote}\r\nX-Forwarded-Proto: http\r\n` : '';
    return Buffer.from(own + (via ? `Via: ${version} steelyard\r\n` : ''), 'latin1');
  }
}

/** Before any plugin sees the request. */
export function prepareForwarding(exchange: Exchange): void {
  const { connection, request, wire, plan } = exchange;
  request.isLocked = false;
  const lines = connection.forwardingLines(plan);
  const { xForwarded, forwarded } = plan.config.forwarding;
  wire.extra = lines.lines(request.version);
  wire.dropForwarding = !lines.isTrusted;
  request.hideForwarding = !lines.isTrusted;
  wire.forwardedHost = xForwarded && !lines.isTrusted;
  if (lines.isTrusted) continueForwarding(exchange, xForwarded);
  if (forwarded) appendForwarded(exchange);
  request.isLocked = true;
}

function continueForwarding(exchange: Exchange, xForwarded: boolean): void {
  const { connection, request, plan } = exchange;
  const received = request.header('x-forwarded-for');
  exchange.believe(clientFromForwarded(connection.remoteAddress, received, plan.trustedProxies));
  if (!xForwarded) return;
  request.setHeader('X-Forwarded-For', received === undefined ? connection.remoteAddress : `${received}, ${connection.remoteAddress}`);
  if (!request.hasHeader('x-forwarded-proto')) request.setHeader('X-Forwarded-Proto', 'http');
  if (!request.hasHeader('x-forwarded-host') && request.host !== '') request.setHeader('X-Forwarded-Host', request.host);
}

/** RFC 7239 §4 and §6: an IPv6 address in brackets and quotes, a host with a port in quotes. */
function appendForwarded(exchange: Exchange): void {
  const { connection, request } = exchange;
  const remote = connection.remoteAddress.includes(':') ? `"[${connection.remoteAddress}]"` : connection.remoteAddress;
  const host = request.host === '' ? '' : `;host="${request.host}"`;
  const element = `for=${remote}${host};proto=http`;
  const received = request.header('forwarded');
  request.setHeader('Forwarded', received === undefined ? element : `${received}, ${element}`);
}

/** Before the request is written: what the route wants of host and path. The caller takes that edit back behind the write. */
export function completeWire(exchange: Exchange): RequestWire {
  const { wire, lane, request, lease, match, plan } = exchange;
  wire.hostLine = lane.hostLine;
  request.isLocked = false;
  if (lane.hostIsBackend || (request.lacksHost && !lane.hostLine)) wire.hostLine = lease!.backend.hostLine;
  // Somebody may have decided by the path.
  if (request.mayHaveDotSegments && (plan.routes.looksAtPath || lane.onRequest || lane.onRequestInPool)) {
    const { target } = request;
    const received = pathOf(target);
    const path = withoutDotSegments(received);
    if (path !== received) request.setTarget(path + target.slice(received.length));
  }
  if (match && lane.route?.rewrite) {
    const target = rewriteTarget(match, request);
    if (target !== undefined) request.setTarget(target);
  }
  request.isLocked = true;
  return wire;
}

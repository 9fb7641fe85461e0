/** A protocol switch (RFC 9110 §7.8): the backend said 101 to a client that had asked, and the connection becomes a tunnel. */
import { settleAttempt } from './settle.ts';
import { TUNNEL_IDLE_TIME } from '../limits.ts';
import { Tunnel, type TunnelEnd } from '../stream/tunnel.ts';
import type { Exchange } from './exchange.ts';
import { TUNNELLING } from './exchange-state.ts';
import type { ResponseWire } from '../http1/response-head.ts';

/** What a tunnel's end means for its exchange. */
const ENDED_BY = { nobody: undefined, client: 'client', backend: 'backend', idle: 'balancer', balancer: 'balancer' } as const;
const CODES = { nobody: '', client: 'ERR_CLIENT_CLOSED', backend: 'ERR_UPSTREAM_CLOSED', idle: 'ERR_TUNNEL_IDLE', balancer: 'ERR_DRAIN_LIMIT' } as const;

const SWITCH: ResponseWire = { framing: 'none', connection: 'upgrade' };

/** Whether the client has asked for each protocol that the backend switches to. */
export function isOffered({ request, response }: Exchange): boolean {
  const offered = protocolsOf(request.header('upgrade'));
  return protocolsOf(response.header('upgrade')).every((protocol) => offered.includes(protocol));
}
/** Names are compared whatever their case. */
function protocolsOf(value = ''): string[] {
  return value.toLowerCase().split(',').map((protocol) => protocol.trim()).filter((protocol) => protocol !== '');
}

/** @param at where the backend's first bytes behind its 101 begin. */
export function startTunnel(exchange: Exchange, bytes: Buffer, at: number, end: number): void {
  const { thread, response, connection, lease, lane } = exchange;
  const upstream = exchange.upstream!;
  lease!.strategy?.onHead?.(lease!, response);
  lane.hooks.onResponseHead?.call(exchange, response);
  const { out } = thread;
  const from = out.reserve(response.wireBound(SWITCH));
  out.send(connection.socket, response.write(out.bytes, from, SWITCH));
  exchange.stage = TUNNELLING;
  exchange.status = 101;
  exchange.answeredBy = 'backend';
  exchange.firstByteMs = exchange.now() - exchange.startedAt;
  upstream.deadline = Infinity;
  // They were counted as they came, and the tunnel counts them too.
  lease!.bytesFromBackend -= end - at;
  const early = connection.handOver();
  exchange.tunnel = new Tunnel(thread, connection.socket, upstream.socket, exchange.plan.config.timeouts.tunnelMs, (by) => tunnelEnded(exchange, blamed(exchange, by)));
  exchange.tunnel.begin({ ...early, fromBackend: bytes.subarray(at, end) });
}

/**
 * A backend that resets when the client has left had bytes unread, and that is how TCP says so: clients that leave in the middle must not get it ejected. No
 * protocol that is upgraded to uses a connection half closed.
 */
function blamed({ tunnel }: Exchange, by: TunnelEnd): TunnelEnd {
  return by === 'backend' && tunnel!.clientHasEnded ? 'client' : by;
}

function tunnelEnded(exchange: Exchange, by: TunnelEnd): void {
  const { connection, lease, tunnel, thread } = exchange;
  const upstream = exchange.upstream!;
  lease!.bytesToBackend += tunnel!.bytesFromClient;
  lease!.bytesFromBackend += tunnel!.bytesToClient;
  upstream.user = undefined;
  upstream.onClose(undefined);
  exchange.upstream = undefined;
  if (by === 'nobody') {
    settleAttempt(exchange, { kind: 'answered', status: 101 });
  } else if (by === 'backend') {
    thread.events.attemptFailed('ERR_UPSTREAM_CLOSED', 'the upgraded connection was reset', { exchange: exchange.id, backend: exchange.backend!.id, phase: 'body', attempt: exchange.attempts });
    settleAttempt(exchange, { kind: 'failed', phase: 'body', code: 'ERR_UPSTREAM_CLOSED', status: 101 });
  } else {
    settleAttempt(exchange, { kind: 'aborted', by: by === 'client' ? 'client' : 'balancer', status: 101 });
  }
  if (by === 'idle') exchange.hit(TUNNEL_IDLE_TIME);
  exchange.code = CODES[by];
  exchange.end(ENDED_BY[by]);
  connection.onClose();
}

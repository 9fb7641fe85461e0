/** The processes that are attacked: `origin`, a backend, and `balancer`, which is given its address. Each tells its port first. */
import http from 'node:http';
import type net from 'node:net';
import { createBalancer } from '@steelyard/core';
import { defineExporter, type MetricsSnapshot } from '@steelyard/sdk';
import { BYTES } from './modes.ts';

const [role, origin = ''] = process.argv.slice(2);
if (role === 'origin') serve();
else await balance();

function serve(): void {
  const bodies = new Map(Object.entries(BYTES).map(([path, bytes]) => [path, Buffer.alloc(bytes)]));
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    const body = bodies.get(request.url!);
    if (body) response.end(body);
    else request.on('end', () => response.end('ok'));
    // What is cut in front of us ends here as well.
    request.on('error', () => {});
  });
  // It is not the one that is tested: nothing is to be lost in its queue.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => process.send?.((server.address() as net.AddressInfo).port));
}

async function balance(): Promise<void> {
  let take: () => Promise<MetricsSnapshot> = () => Promise.reject(new Error('not started'));
  const reader = defineExporter<{}>({ name: 'reader', options: {}, start: (_options, _host, given) => void (take = given) });
  const balancer = createBalancer({
    log: { level: 'error' }, listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }], pools: { web: { backends: [origin] } }, routes: [{ pool: 'web' }], plugins: [reader()],
  });
  await balancer.start();
  process.on('message', () => void tell());
  async function tell(): Promise<void> {
    const { samples } = (await take()).families.find(({ name }) => name === 'steelyard_limit_hits_total')!;
    const hits = (samples as { labels: Record<string, string>; value: number }[]).filter(({ value }) => value > 0).map(({ labels, value }) => [labels.limit!, value] as const);
    process.send?.({ hits: Object.fromEntries(hits), connections: balancer.ledger().clientConnections });
  }
  process.send?.(balancer.address().port);
}

/** A balancer with one place for each misdeed, an origin that tells what got through, and the counts of the core. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBalancer, type Balancer } from '@steelyard/core';
import { defineExporter, definePlugin, type AnyUse, type Config, type Host, type MetricsSnapshot, type OnFailure } from '@steelyard/sdk';
import { pino } from 'pino';
import { expect } from 'vitest';

export interface Reply {
  /** 0 = the connection was closed without a response. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One at a time, on a connection that is kept where it can be. */
export function ask(port: number, path = '/', headers: Record<string, string> = {}, agent?: http.Agent): Promise<Reply> {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, path, headers, agent: agent ?? AGENT }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      response.on('error', () => resolve({ status: 0, headers: {}, body }));
    });
    request.on('error', () => resolve({ status: 0, headers: {}, body: '' }));
    request.end();
  });
}
const AGENT = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** What reached a backend. */
export interface Witness {
  readonly url: string;
  readonly seen: { url: string; headers: http.IncomingHttpHeaders }[];
  close(): Promise<void>;
}

export async function witness(name = 'origin'): Promise<Witness> {
  const seen: Witness['seen'] = [];
  const server = http.createServer((request, response) => {
    seen.push({ url: request.url!, headers: request.headers });
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

export interface Rig {
  readonly balancer: Balancer;
  /** Of the listener with this name. */
  port(listener?: string): number;
  /** How often a plugin has failed there. */
  failures(plugin: string, hook: string): Promise<number>;
  /** How many of its taps are in quarantine. */
  shut(plugin: string, hook: string): Promise<number>;
  families(): Promise<MetricsSnapshot['families']>;
  readonly lines: string[];
  /** Stops it; nothing may be left open. */
  stop(): Promise<void>;
}

/** @param config listeners default to one called `web` */
export async function startRig(config: Partial<Config> & Pick<Config, 'pools'>): Promise<Rig> {
  let take: () => Promise<MetricsSnapshot> = () => Promise.reject(new Error('not started'));
  const counts = defineExporter<{}>({ name: 'counts', options: {}, start: (_options, _host, snapshot) => void (take = snapshot) });
  const lines: string[] = [];
  // A program's own logger, with pino's own serializers: they throw over some of what plugins throw.
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const balancer = createBalancer({ listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }], ...config, plugins: [...(config.plugins ?? []), counts()] }, { logger });
  await balancer.start();
  const value = async (family: string, plugin: string, hook: string): Promise<number> => {
    const { families } = await take();
    const samples = families.find(({ name }) => name === family)!.samples;
    const sample = samples.find(({ labels }) => labels['plugin'] === plugin && labels['hook'] === hook);
    return sample && 'value' in sample ? sample.value : 0;
  };
  return {
    balancer, lines,
    families: async () => (await take()).families,
    port: (listener = 'web') => balancer.address(listener).port,
    failures: (plugin, hook) => value('steelyard_plugin_failures_total', plugin, hook),
    shut: (plugin, hook) => value('steelyard_plugin_quarantined', plugin, hook),
    async stop() {
      await balancer.stop({ drainLimitMs: 300 });
      const ledger = balancer.ledger();
      expect(ledger).toEqual({ leasesOpened: ledger.leasesOpened, leasesClosed: ledger.leasesOpened, inFlight: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0 });
    },
  };
}

export function plugin(name: string, setup: (host: Host) => unknown, onFailure?: OnFailure): AnyUse & { kind: 'plugin' } {
  return definePlugin<{}>({ name, options: {}, ...(onFailure !== undefined && { onFailure }), setup: (_options, host) => setup(host) as void })();
}

/**
 * The bar of a load balancer: 100,000 requests over 64 keep-alive connections through three backend processes, while these are killed,
 * restarted, stopped and continued, and the config is reloaded ten times.
 * What no proxy can save is counted and allowed: a POST that had been written to a backend which then died or hung, and a response that
 * had begun. Everything else must be answered.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '@steelyard/sdk';
import { createBalancer, type Balancer } from '@steelyard/core';
import httpCheck from '@steelyard/plugins/http-check';
import leastConnections from '@steelyard/plugins/least-connections';
import passiveCheck from '@steelyard/plugins/passive-check';
import roundRobin from '@steelyard/plugins/round-robin';
import { expect, it, onTestFinished } from 'vitest';
import { BackendProcess } from './chaos/backend-process.ts';
import { KeepAliveClient, type Fate, type SentRequest } from './chaos/client.ts';
import { expectClear } from './support/balancer.ts';

const REQUESTS = 100_000;
const CONNECTIONS = 64;
const RELOADS = 10;

function config(backends: readonly BackendProcess[], round: number): Config {
  return {
    listeners: [{ name: 'chaos', port: 0, host: '127.0.0.1' }],
    pools: {
      web: {
        backends: backends.map(({ url }, index) => ({ url, weight: 1 + ((round + index) % 3) })),
        strategy: round % 2 === 0 ? roundRobin() : leastConnections(),
        health: [httpCheck({ path: '/healthz', intervalMs: 50, timeoutMs: 200, rise: 2, fall: 2 }), passiveCheck({ failures: 3, ejectMs: 500 })],
        // Longer than a healthy process waits for its turn on a loaded machine.
        timeouts: { responseMs: 1_000, connectMs: 1_000 },
        retry: { attempts: 3, replays: 2 },
      },
    },
    routes: [{ pool: 'web' }],
    log: { level: 'silent' },
  };
}

/** Waits for a state of the balancer that its own events bring about; the test's time limit is the limit. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function healthOf(balancer: Balancer, backend: BackendProcess): string {
  return balancer.describe().pools[0]!.backends.find(({ url }) => url === backend.url)!.health;
}

it('loses and doubles no request while backends die, hang and come back, and the config is reloaded', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-chaos-'));
  const backends = ['a', 'b', 'c'].map((name) => new BackendProcess(join(folder, name)));
  for (const { log } of backends) writeFileSync(log, '');
  await Promise.all(backends.map((backend) => backend.start()));
  onTestFinished(async () => {
    await Promise.all(backends.map((backend) => backend.kill()));
    rmSync(folder, { recursive: true });
  });
  const balancer = createBalancer(config(backends, 0));
  await balancer.start();
  const { port } = balancer.address();

  const fates: { request: SentRequest; fate: Fate }[] = [];
  let sent = 0;
  const drive = async (client: KeepAliveClient): Promise<void> => {
    while (sent < REQUESTS) {
      const number = sent++;
      const method = number % 10 === 3 ? 'POST' : number % 10 === 7 ? 'PUT' : 'GET';
      const request: SentRequest = { id: `r${number}`, method };
      const fate = await client.request(request);
      if (fate.kind !== 'answered') fates.push({ request, fate });
    }
    client.close();
  };
  const driving = Promise.all(Array.from({ length: CONNECTIONS }, () => drive(new KeepAliveClient(port))));

  let faults = 0;
  const harass = async (): Promise<void> => {
    for (; sent < REQUESTS * 0.95; faults++) {
      const victim = backends[faults % backends.length]!;
      if (faults % 2 === 0) {
        await victim.kill();
        await until(() => healthOf(balancer, victim) === 'down' || sent >= REQUESTS);
        await victim.start();
      } else {
        victim.signal('SIGSTOP');
        await until(() => healthOf(balancer, victim) === 'down' || sent >= REQUESTS);
        victim.signal('SIGCONT');
      }
      await until(() => healthOf(balancer, victim) === 'up' || sent >= REQUESTS);
    }
  };
  const reload = async (): Promise<void> => {
    for (let round = 1; round <= RELOADS; round++) {
      await until(() => sent >= (REQUESTS * round) / (RELOADS + 2));
      await balancer.reload(config(backends, round));
    }
  };
  await Promise.all([driving, harass(), reload()]);

  // A POST is repeated only if nothing of it was written; a hung or killed backend that had been written to takes it along.
  const lostPosts = fates.filter(({ request, fate }) => request.method === 'POST' && fate.kind === 'status' && (fate.status === 502 || fate.status === 504));
  const broken = fates.filter(({ fate }) => fate.kind === 'broken');
  const unexplained = fates.filter((one) => !lostPosts.includes(one) && !broken.includes(one));
  console.log(`chaos: ${REQUESTS} requests, ${faults} faults, ${lostPosts.length} posts lost with their backend, ${broken.length} responses cut, ${unexplained.length} others`);
  expect(unexplained.slice(0, 10)).toEqual([]);
  // Each fault can take along what it had under way, and no more than that.
  expect(lostPosts.length + broken.length).toBeLessThanOrEqual(faults * CONNECTIONS);

  const delivered = backends.flatMap(({ log }) => readFileSync(log, 'utf8').trimEnd().split('\n'));
  expect(delivered.length).toBe(new Set(delivered).size);
  expect(balancer.describe().generation).toBe(RELOADS + 1);
  expect(faults).toBeGreaterThanOrEqual(4);

  await until(() => balancer.ledger().inFlight === 0);
  await balancer.stop();
  expectClear(balancer);
});

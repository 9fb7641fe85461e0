/** A balancer for one test: silent, on port 0, stopped at the test's end, its ledger checked then. */
import { createBalancer, type Balancer, type BalancerOptions } from '@steelyard/core';
import type { Config } from '@steelyard/sdk';
import { expect, onTestFinished } from 'vitest';

export interface Running {
  readonly balancer: Balancer;
  /** Of the first listener. */
  readonly port: number;
}

export async function start(config: Config, options: BalancerOptions = {}): Promise<Running> {
  const balancer = createBalancer({ log: { level: 'silent' }, ...config }, options);
  await balancer.start();
  onTestFinished(async () => {
    await balancer.stop({ drainLimitMs: 500 });
    expectClear(balancer);
  });
  return { balancer, port: balancer.address().port };
}

/** Every lease opened was closed, and nothing is left open. */
export function expectClear(balancer: Balancer): void {
  const ledger = balancer.ledger();
  expect(ledger).toEqual({
    leasesOpened: ledger.leasesOpened, leasesClosed: ledger.leasesOpened, inFlight: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0,
  });
}

/** The simplest config: one pool of these backends, one route, on any port of 127.0.0.1. */
export function proxyTo(...backends: readonly string[]): Config {
  return { listeners: [{ port: 0, host: '127.0.0.1' }], pools: { web: { backends } }, routes: [{ pool: 'web' }] };
}

/** Steelyard before the origins, in this process. It adds no fields of its own, so that what reaches an origin is what it understood. */
import { createBalancer, type Balancer } from '@steelyard/core';
import type { StartProxy } from './run.ts';

export interface Steelyard {
  readonly start: StartProxy;
  /** Once started. */
  balancer(): Balancer;
}

export function startSteelyard(): Steelyard {
  let balancer: Balancer;
  return { balancer: () => balancer, start };

  async function start(originPorts: readonly number[]): ReturnType<StartProxy> {
    const forwarding = { xForwarded: false, via: false };
    const lanes = originPorts.map((_, lane) => `lane-${lane}`);
    balancer = createBalancer({
      // The first has no pool: each request to it is a 404.
      listeners: [{ name: 'tick', port: 0, host: '127.0.0.1' }, ...lanes.map((name) => ({ name, port: 0, host: '127.0.0.1', pool: name, forwarding, limits: { maxBodyBytes: 1_000 } }))],
      pools: Object.fromEntries(lanes.map((name, lane) => [name, { backends: [`http://127.0.0.1:${originPorts[lane]}`] }])),
      log: { level: 'silent' },
    });
    await balancer.start();
    return {
      ports: lanes.map((name) => balancer.address(name).port),
      tickPort: balancer.address('tick').port,
      stop: () => balancer.stop({ drainLimitMs: 500 }),
    };
  }
}

/** A balancer in a process of its own that does nothing beside: whoever measures itself needs file descriptors. The config comes as JSON. */
import { createBalancer } from '@steelyard/core';
import type { Config } from '@steelyard/sdk';

const balancer = createBalancer(JSON.parse(process.argv[2]!) as Config);
await balancer.start();
process.on('message', () => void stop());
process.send?.(balancer.address().port);

async function stop(): Promise<void> {
  await balancer.stop({ drainLimitMs: 500 });
  const { leasesOpened, leasesClosed, inFlight, deadlines } = balancer.ledger();
  if (leasesOpened !== leasesClosed || inFlight !== 0 || deadlines !== 0) process.exitCode = 1;
  process.disconnect?.();
}

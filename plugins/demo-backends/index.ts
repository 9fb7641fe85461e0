/** `demoBackends()`: a few small servers to try a balancer with, each in a process of its own that may be killed. */
import { defineDiscovery } from '@steelyard/sdk';
import { openFleet } from './fleet.ts';
import type { Fleet } from './fleet.ts';

export interface DemoBackendsOptions {
  /** How many processes, 1 to 16. Default 3. */
  count?: number;
}

export default defineDiscovery<DemoBackendsOptions>({
  name: 'demo-backends',
  description: 'starts small backends as separate processes, for trying things out',
  options: { count: { type: 'integer', minimum: 1, maximum: 16, default: 3 } },
  async watch(update, signal, { count }, host) {
    // One fleet for all generations that ask for as many: a reload keeps the processes and their ports.
    const fleet = await host.shared(`fleet of ${count}`, () => openFleet(count), (closing: Fleet) => closing.close());
    const leave = fleet.join({ update, host });
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  },
});

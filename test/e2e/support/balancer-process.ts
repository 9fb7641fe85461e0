/** A balancer in a process of its own, so that its memory can be measured. Started by `forkBalancer`; the config comes as JSON. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createBalancer } from '@steelyard/core';
import type { Config } from '@steelyard/sdk';

type Order = 'peak' | 'forget' | 'ledger' | 'stop';

export interface BalancerProcess {
  readonly port: number;
  /** Most bytes of resident memory since the start, or since `forget`. */
  peak(): Promise<number>;
  /** Measures anew from here; resolves to what is resident now. */
  forget(): Promise<number>;
  /** Stops it; rejects unless it ended with 0 and its ledger was clear. */
  stop(): Promise<void>;
}

export async function forkBalancer(config: Config): Promise<BalancerProcess> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(config)], { execArgv: [] });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const answer = (): Promise<number> =>
    new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as number));
      void exited.then((code) => reject(new Error(`the balancer's process ended with ${code}`)));
    });
  const ask = (order: Order): Promise<number> => {
    const answered = answer();
    child.send(order);
    return answered;
  };
  const port = await answer();
  return {
    port,
    peak: () => ask('peak'),
    forget: () => ask('forget'),
    async stop() {
      if (child.exitCode !== null || !child.connected) return;
      child.send('stop' satisfies Order);
      const code = await exited;
      if (code !== 0) throw new Error(`the balancer's process ended with ${code}`);
    },
  };
}

async function serveOrders(config: Config): Promise<void> {
  const balancer = createBalancer(config);
  await balancer.start();
  let peak = 0;
  const look = (): number => (peak = Math.max(peak, process.memoryUsage.rss()));
  const timer = setInterval(look, 5);
  process.on('message', (order: Order) => void obey(order));
  async function obey(order: Order): Promise<void> {
    if (order === 'forget') peak = 0;
    if (order !== 'stop') return void process.send?.(look());
    await balancer.stop({ drainLimitMs: 500 });
    clearInterval(timer);
    const { leasesOpened, leasesClosed, inFlight, deadlines } = balancer.ledger();
    if (leasesOpened !== leasesClosed || inFlight !== 0 || deadlines !== 0) process.exitCode = 1;
    process.disconnect?.();
  }
  process.send?.(balancer.address().port);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveOrders(JSON.parse(process.argv[2]!) as Config);

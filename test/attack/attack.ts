/** One attack, from the start of all processes to their end. */
import { once } from 'node:events';
import { ask, type Figures } from './client.ts';
import { STALL_SHARE, type Mode } from './modes.ts';
import { askChild, cpuSeconds, peakMib, start, startSlowhttptest, type SlowMode } from './processes.ts';

export type Attack = 'none' | Mode | `slowhttptest ${SlowMode}`;

export interface AttackOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Requests of the client that must not notice. */
  readonly perSecond: number;
  /** Requests of before anything is measured. Default 2,000 ms. */
  readonly warmUpMs?: number;
}

interface Attacker {
  readonly opened: number;
  readonly most: number;
  /** Status, or `cut` without one. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface Outcome {
  readonly client: Figures;
  readonly attacker: Attacker;
  readonly peakMib: number;
  /** Of one core, by the balancer. */
  readonly cpuShare: number;
  readonly hits: Readonly<Record<string, number>>;
}

const NOBODY: Attacker = { opened: 0, most: 0, answers: {} };

export async function attack(name: Attack, { connections, seconds, perSecond, warmUpMs = 2_000 }: AttackOptions): Promise<Outcome> {
  const origin = await start<number>('server.ts', 'origin');
  const balancer = await start<number>('server.ts', 'balancer', `http://127.0.0.1:${origin.first}`);
  const port = balancer.first;
  try {
    const warmUntil = performance.now() + warmUpMs;
    await ask(port, perSecond, () => performance.now() > warmUntil);
    const attacker = await begin(name, port, connections, seconds);
    const [cpu, startedAt] = [cpuSeconds(balancer.child), performance.now()];
    const client = await ask(port, perSecond, () => performance.now() - startedAt > seconds * 1_000);
    const cpuShare = (cpuSeconds(balancer.child) - cpu) / ((performance.now() - startedAt) / 1_000);
    const told = await attacker.end();
    const { hits } = await askChild<{ hits: Record<string, number> }>(balancer.child);
    return { client, attacker: told, peakMib: peakMib(balancer.child), cpuShare, hits };
  } finally {
    for (const { child } of [balancer, origin]) {
      child.kill();
      await once(child, 'exit');
    }
  }
}

async function begin(name: Attack, port: number, connections: number, seconds: number): Promise<{ end(): Promise<Attacker> }> {
  if (name === 'none') return { end: () => Promise.resolve(NOBODY) };
  if (!name.startsWith('slowhttptest ')) {
    const { child } = await start('attacker.ts', name, String(port), String(Math.ceil(name === 'stall' ? connections * STALL_SHARE : connections)), '127.0.0.2');
    return { end: () => askChild<Attacker>(child) };
  }
  const { child, most } = startSlowhttptest(name.slice('slowhttptest '.length) as SlowMode, port, connections, seconds);
  return {
    async end() {
      if (child.exitCode === null) {
        child.kill();
        await once(child, 'exit');
      }
      return { ...NOBODY, most: most() };
    },
  };
}

/** A balancer with limits in front of a backend, and how often each limit was met. */
import { defineExporter, type Config, type HttpListener, type MetricsSnapshot } from '@steelyard/sdk';
import { expect } from 'vitest';
import type { LimitName } from '../../core/src/limits.ts';
import { start, type Running } from '../e2e/support/balancer.ts';

export interface Limited extends Running {
  /** Of the first listener, or of the one named. */
  hits(limit: LimitName, listener?: string): Promise<number>;
  /** Those that were met, and how often, over all listeners. */
  met(): Promise<Partial<Record<LimitName, number>>>;
  value(family: string, listener: string): Promise<number>;
}

export async function startLimited(listener: Partial<HttpListener>, backend: string, more: Partial<Config> = {}): Promise<Limited> {
  let snapshot: () => Promise<MetricsSnapshot> = () => Promise.reject(new Error('not started'));
  const reader = defineExporter<{}>({
    name: 'reader', options: {},
    start(_options, _host, take) {
      snapshot = take;
    },
  });
  const running = await start({
    listeners: [{ name: 'web', port: 0, host: '127.0.0.1', ...listener }],
    pools: { web: { backends: [backend] } }, routes: [{ pool: 'web' }], plugins: [reader()], ...more,
  });
  const samplesOf = async (name: string) => (await snapshot()).families.find((family) => family.name === name)!.samples as { labels: Record<string, string>; value: number }[];
  const hits = async (limit: LimitName, name = 'web'): Promise<number> => {
    const found = (await samplesOf('steelyard_limit_hits_total')).find(({ labels }) => labels.limit === limit && labels.listener === name);
    if (!found) throw new Error(`there is no sample of ${limit}`);
    return found.value;
  };
  const met = async (): Promise<Partial<Record<LimitName, number>>> => {
    const counts: Record<string, number> = {};
    for (const { labels, value } of await samplesOf('steelyard_limit_hits_total')) if (value > 0) counts[labels.limit!] = (counts[labels.limit!] ?? 0) + value;
    return counts;
  };
  const value = async (family: string, name: string): Promise<number> => (await samplesOf(family)).find(({ labels }) => labels.listener === name)!.value;
  return { ...running, hits, met, value };
}

/** Polled, because nobody tells; fails by the time-out of the test. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function expectMet(limited: Limited, limits: Partial<Record<LimitName, number>>): Promise<void> {
  expect(await limited.met()).toEqual(limits);
}

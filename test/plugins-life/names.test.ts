import { expect, it } from 'vitest';
import { createBalancer } from '@steelyard/core';
import passiveCheck from '@steelyard/plugins/passive-check';
import roundRobin from '@steelyard/plugins/round-robin';
import { defineConfig } from '@steelyard/sdk';

it('a plugin is named once, in however many pools and planes it runs', async () => {
  const pool = { backends: ['http://127.0.0.1:9'], strategy: roundRobin(), health: passiveCheck() };
  const balancer = createBalancer(defineConfig({ listeners: [{ port: 0, host: '127.0.0.1', pool: 'a' }, { port: 0, host: '127.0.0.1', pool: 'b' }], pools: { a: pool, b: pool }, log: { level: 'silent' } }));
  await balancer.start();
  try {
    expect(balancer.describe().plugins.toSorted()).toEqual(['passive-check', 'round-robin']);
  } finally {
    await balancer.stop();
  }
});

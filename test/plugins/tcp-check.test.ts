import { describe, expect, it } from 'vitest';
import type { Backend, CheckSchedule } from '@steelyard/sdk';
import tcpCheck, { type TcpCheckOptions } from '../../plugins/tcp-check/index.ts';
import { created, defaultsOf, probeHost } from './check-host.ts';

const backend = { address: '10.0.0.1:80' } as Backend;

describe('tcp-check', () => {
  it('connects, and sends nothing', async () => {
    const { host, probes } = probeHost(() => undefined);
    const { probe } = created(tcpCheck(), host);
    const { signal } = new AbortController();
    await expect(probe!(backend, signal)).resolves.toBeUndefined();
    expect(probes).toEqual([{ backend, request: undefined, signal }]);
  });

  it('fails with the reason of the connect', async () => {
    const refused = new Error('connect to 10.0.0.1:80: connection refused');
    const { host } = probeHost(() => { throw refused; });
    await expect(created(tcpCheck(), host).probe!(backend, new AbortController().signal)).rejects.toBe(refused);
  });

  it('runs on the schedule of its options', () => {
    const { host } = probeHost(() => undefined);
    const schedule: CheckSchedule = { intervalMs: 500, jitter: 0, timeoutMs: 100, rise: 1, fall: 5 };
    expect(created(tcpCheck(schedule), host).schedule).toEqual(schedule);
    expect(created(tcpCheck(), host).schedule).toEqual({ intervalMs: 2000, jitter: 0.1, timeoutMs: 1000, rise: 2, fall: 3 });
  });

  it('has the documented defaults', () => {
    expect(defaultsOf(tcpCheck)).toEqual({ intervalMs: 2000, jitter: 0.1, timeoutMs: 1000, rise: 2, fall: 3 } satisfies TcpCheckOptions);
  });
});

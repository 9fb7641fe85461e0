import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { refuseWorkers, workerCount } from '../../core/src/config/workers.ts';
import { config, faultsOf, resolved } from './faults-of.ts';

const cores = Math.min(availableParallelism(), 64);

describe('the number of workers', () => {
  it.each([
    ['that of the command line, before that of the config', 3, 5, 'start', 3], ['none where the command line says so', 0, 5, 'start', 0], ['one per core for auto, before the config', 'auto', 5, 'start', cores],
    ['one per core for auto in a program too', 'auto', undefined, 'embed', cores], ['that of the config', undefined, 5, 'start', 5], ['none where the config says so', undefined, 0, 'start', 0],
    ['that of the config in a program too', undefined, 5, 'embed', 5], ['one per core for start', undefined, undefined, 'start', cores], ['what start would take for check', undefined, undefined, 'check', cores],
    ['none inside a program', undefined, undefined, 'embed', 0],
  ] as const)('is %s', (_rule, asked, configured, command, count) => {
    expect(workerCount(asked, configured, command)).toBe(count);
  });

  it('is as the config says, which may leave it open', async () => {
    expect((await resolved()).workers).toBeUndefined();
    expect((await resolved({ workers: 0 })).workers).toBe(0);
    const { workers, stallLimitMs } = await resolved({ workers: 64, stallLimitMs: 600_000 });
    expect([workers, stallLimitMs]).toEqual([64, 600_000]);
    expect((await resolved({ stallLimitMs: 100 })).stallLimitMs).toBe(100);
  });

  it.each([
    [{ workers: 65 }, 'workers is 65, must be a whole number from 0 to 64'], [{ workers: -1 }, 'workers is -1, must be a whole number from 0 to 64'],
    [{ workers: 'auto' }, 'workers is "auto", must be a whole number from 0 to 64 (leave it out: one per core)'], [{ workers: 1.5 }, 'workers is 1.5, must be a whole number from 0 to 64'],
    [{ stallLimitMs: 99 }, 'stallLimitMs is 99, must be a whole number of milliseconds from 100 to 600000 (in milliseconds: 99 s are 99000)'], [{ stallLimitMs: 600_001 }, 'stallLimitMs is 600001, must be a whole number of milliseconds from 100 to 600000'],
  ])('is refused out of its range: %j', async (parts, fault) => {
    expect(await faultsOf(config(parts))).toEqual([fault]);
  });

  it('is 0 for a config given as an object, and the refusal says why and what to do', () => {
    expect(() => refuseWorkers(undefined)).not.toThrow();
    expect(() => refuseWorkers(0)).not.toThrow();
    const message = [
      'the config has a fault:',
      '  workers is 4, must be 0 in a config that is given as an object: functions cannot cross threads, so each worker loads the config for itself ' +
        "(put it into a file: createBalancer({ configFile: 'balancer.config.ts', workers: 4 }))",
    ].join('\n');
    expect(() => refuseWorkers(4)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', message, faults: [expect.objectContaining({ path: 'workers', code: 'ERR_CONFIG' })] }));
  });
});

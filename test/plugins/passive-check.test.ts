import { describe, expect, it } from 'vitest';
import type { Backend, Outcome, Phase } from '@steelyard/sdk';
import passiveCheck, { type PassiveCheckOptions } from '../../plugins/passive-check/index.ts';
import { created, defaultsOf, probeHost } from './check-host.ts';

const FACTS = { connectMs: 1, firstByteMs: 2, durationMs: 3, bytesToBackend: 4, bytesFromBackend: 5 };
const answered = (status: number): Outcome => ({ ...FACTS, kind: 'answered', status });
const failed = (phase: Phase, code: string): Outcome => ({ ...FACTS, kind: 'failed', phase, code, status: 0 });

function observed(outcome: Outcome, options: PassiveCheckOptions = {}): boolean | undefined {
  const { host } = probeHost(() => undefined);
  return created(passiveCheck(options), host).observe!({} as Backend, outcome);
}

describe('passive-check', () => {
  it.each<[Phase, string]>([
    ['connect', 'ERR_UPSTREAM_CONNECT'],
    ['connect', 'ERR_UPSTREAM_CONNECT_TIMEOUT'],
    ['send', 'ERR_UPSTREAM_CLOSED'],
    ['head', 'ERR_UPSTREAM_TIMEOUT'],
    ['head', 'ERR_UPSTREAM_MALFORMED'],
    ['body', 'ERR_UPSTREAM_CLOSED'],
  ])('takes a failed attempt for a failure: %s, %s', (phase, code) => {
    expect(observed(failed(phase, code))).toBe(false);
  });

  it('takes 502, 503 and 504 for failures, and every other answer for a success', () => {
    for (let status = 200; status < 600; status++) expect(observed(answered(status)), String(status)).toBe(status < 502 || status > 504);
  });

  it('takes the statuses that it is given, and only them', () => {
    expect(observed(answered(500), { statuses: [500] })).toBe(false);
    expect(observed(answered(503), { statuses: [500] })).toBe(true);
    expect(observed(answered(503), { statuses: [] })).toBe(true);
  });

  it('takes a TCP connection that ended in order for a success', () => {
    expect(observed(answered(0))).toBe(true);
  });

  it('says nothing of what somebody else ended, whatever the status was', () => {
    for (const by of ['client', 'balancer', 'plugin'] as const) expect(observed({ ...FACTS, kind: 'aborted', by, status: 503 })).toBeUndefined();
  });

  it('ejects by its options', () => {
    const { host } = probeHost(() => undefined);
    expect(created(passiveCheck({ failures: 2, ejectMs: 50, maxEjectMs: 100 }), host).ejection).toMatchObject({ failures: 2, ejectMs: 50, maxEjectMs: 100 });
    expect(defaultsOf(passiveCheck)).toEqual({ failures: 5, statuses: [502, 503, 504], ejectMs: 10_000, maxEjectMs: 300_000 } satisfies PassiveCheckOptions);
  });

  it('refuses a limit below the first length', () => {
    const { host } = probeHost(() => undefined);
    expect(() => created(passiveCheck({ ejectMs: 400_000 }), host)).toThrow(
      expect.objectContaining({ code: 'ERR_PLUGIN_OPTIONS', message: 'passive-check: maxEjectMs 300000 is below ejectMs 400000' }),
    );
  });
});

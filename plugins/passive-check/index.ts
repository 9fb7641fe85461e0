/** `passiveCheck()`: watches real traffic; a backend that fails it several times in a row gets none for a while. */
import { defineHealthCheck, SteelyardError } from '@steelyard/sdk';

export interface PassiveCheckOptions {
  /** Failures in a row before a backend is ejected. 1 to 1,000,000; default 5. Any success between them begins anew. */
  failures?: number;
  /**
   * Response statuses that count as failures. Default 502, 503 and 504: the backend, or what is behind it, cannot serve.
   * Not 500: that is often one broken page, and whoever may ask for it could eject every backend.
   */
  statuses?: readonly number[];
  /** Length of the first ejection; each one that follows soon lasts twice as long. Milliseconds, 1 to 86,400,000; default 10,000. */
  ejectMs?: number;
  /** Limit of the doubling, not below `ejectMs`. Milliseconds, 1 to 86,400,000; default 300,000. */
  maxEjectMs?: number;
}

export default defineHealthCheck<PassiveCheckOptions>({
  name: 'passive-check',
  description: 'passive check: failures in a row of real traffic',
  options: {
    failures: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 5 },
    statuses: { type: 'array', items: { type: 'integer', minimum: 200, maximum: 599 }, default: [502, 503, 504] },
    ejectMs: { type: 'integer', minimum: 1, maximum: 86_400_000, default: 10_000 },
    maxEjectMs: { type: 'integer', minimum: 1, maximum: 86_400_000, default: 300_000 },
  },
  create(options) {
    const { statuses, ejectMs, maxEjectMs } = options;
    if (maxEjectMs < ejectMs) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', {
        message: `passive-check: maxEjectMs ${maxEjectMs} is below ejectMs ${ejectMs}`,
        hint: 'maxEjectMs is the limit of the doubling: give it too where ejectMs is long',
        source: 'config',
      });
    }
    return {
      ejection: options,
      observe(_backend, outcome) {
        switch (outcome.kind) {
          case 'answered':
            return !statuses.includes(outcome.status);
          case 'failed':
            return false;
          case 'aborted':
            return undefined;
          default:
            return outcome satisfies never;
        }
      },
    };
  },
});

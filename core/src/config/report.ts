/** Faults as one error whose message is the report. */
import { SteelyardError, type ErrorCode } from '@steelyard/sdk';
import type { ConfigFault } from './faults.ts';

/** A config that cannot be used. `code` is `ERR_CONFIG`, or `ERR_CONFIG_LOAD` / `ERR_CONFIG_NOT_FOUND` when there was no config to look at. */
export class ConfigError extends SteelyardError {
  /** Empty unless `code` is `ERR_CONFIG`. */
  readonly faults: readonly ConfigFault[];
  /** What was loaded before it failed: worth watching, since the next change may mend it. */
  files: readonly string[] = [];

  constructor(code: ErrorCode, message: string, details: { hint?: string; cause?: unknown; faults?: readonly ConfigFault[] } = {}) {
    super(code, { source: 'config', message, ...(details.hint === undefined ? {} : { hint: details.hint }), cause: details.cause });
    this.faults = details.faults ?? [];
  }
}

/** One line for each fault. */
export function reportFaults(faults: readonly ConfigFault[], file = 'the config'): string {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return [`${file} has ${count}:`, ...faults.map((fault) => `  ${describeFault(fault)}`)].join('\n');
}

export function describeFault(fault: ConfigFault): string {
  const where = fault.path === '' ? 'the config' : fault.path;
  return `${where} ${fault.problem}${fault.hint === '' ? '' : ` (${fault.hint})`}`;
}

import { isSteelyardError } from '@steelyard/sdk';
import { resolveConfig } from '../../core/src/config/load.ts';
import { ConfigError, describeFault } from '../../core/src/config/report.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** The sentences about a config; empty when it is valid. */
export async function faultsOf(config: unknown): Promise<string[]> {
  try {
    await resolveConfig(config, ROOT);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError && isSteelyardError(thrown) && thrown.code === 'ERR_CONFIG') return thrown.faults.map(describeFault);
    throw thrown;
  }
}

/** A whole config around a pool, or other parts. */
export function config(parts: Record<string, unknown> = {}, pool: Record<string, unknown> = {}): Record<string, unknown> {
  return { listeners: [{ port: 0 }], pools: { web: { backends: ['http://127.0.0.1:9001'], ...pool } }, ...parts };
}
export const resolved = async (parts: Record<string, unknown> = {}, pool: Record<string, unknown> = {}) => await resolveConfig(config(parts, pool), ROOT);

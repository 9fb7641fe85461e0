/** What only a plugin can say of its options: each strategy and each health check of a config is created, asked nothing, and taken down again. */
import { describeError, isSteelyardError, type HealthCheckUse, type StrategyUse } from '@steelyard/sdk';
import { pino } from 'pino';
import { Faults, joinPath, type ConfigFault } from '../config/faults.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { TapRegistry } from '../hooks.ts';
import { PluginSet } from '../plugins.ts';
import { createServices } from '../services.ts';

/** Exporters, discoveries and plugins of other kinds are left alone: they open files and ports when they are set up. */
export async function rehearse(config: ResolvedConfig): Promise<readonly ConfigFault[]> {
  const ignore = (): void => {};
  const { control } = createServices(pino({ level: 'silent' }), 0, { onFlip: ignore, onDown: ignore, onAddresses: ignore, onForget: ignore, panics: () => [], families: () => Promise.resolve([]) });
  const plugins = new PluginSet(control, config.setupLimitMs, new TapRegistry());
  const faults = new Faults();
  const attempt = (path: string, { name }: StrategyUse | HealthCheckUse, create: () => unknown): void => {
    try {
      create();
    } catch (thrown) {
      const { problem, hint } = told(thrown);
      faults.add(`${path} (${name})`, problem, hint, 'ERR_PLUGIN_OPTIONS');
    }
  };
  for (const { name, strategy, health } of config.pools) {
    const path = joinPath('pools', name);
    if (strategy) attempt(joinPath(path, 'strategy'), strategy, () => plugins.createStrategy(strategy, name));
    health.forEach((check, i) => attempt(joinPath(joinPath(path, 'health'), i), check, () => plugins.createHealthCheck(check, name)));
  }
  await plugins.tearDown();
  return faults.list;
}

/** The plugin's own words, without what the core says around them. */
function told(thrown: unknown): { problem: string; hint: string } {
  if (!isSteelyardError(thrown)) return { problem: `fails when it is created: ${describeError(thrown)}`, hint: '' };
  if (thrown.code === 'ERR_PLUGIN_CREATE') return told(thrown.cause);
  return { problem: `is refused: ${thrown.message}`, hint: thrown.hint ?? '' };
}

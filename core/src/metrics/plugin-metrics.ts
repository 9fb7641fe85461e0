/** The core's own numbers about plugins: how often each failed, and which of its taps are in quarantine. */
import type { MetricFamily, NumberSample } from '@steelyard/sdk';

export class PluginMetrics {
  readonly #failures = new Map<string, { plugin: string; hook: string; count: number }>();
  readonly #shutTaps = new Map<string, { plugin: string; hook: string; count: number }>();

  failed(plugin: string, hook: string): void {
    add(this.#failures, plugin, hook, 1);
  }
  /** A tap went into quarantine (+1), or left it or ended with its generation (-1). */
  quarantined(plugin: string, hook: string, by: 1 | -1): void {
    add(this.#shutTaps, plugin, hook, by);
  }

  families(): MetricFamily[] {
    return [
      { name: 'steelyard_plugin_failures_total', type: 'counter', help: 'Failures of plugins, by hook or callback.', samples: samplesOf(this.#failures) },
      {
        name: 'steelyard_plugin_quarantined', type: 'gauge',
        help: 'Taps of the plugin that are not called now because they keep failing.', samples: samplesOf(this.#shutTaps),
      },
    ];
  }
}

function add(counts: Map<string, { plugin: string; hook: string; count: number }>, plugin: string, hook: string, by: number): void {
  const key = `${plugin} ${hook}`;
  const known = counts.get(key);
  if (known) known.count += by;
  else counts.set(key, { plugin, hook, count: by });
}

function samplesOf(counts: Map<string, { plugin: string; hook: string; count: number }>): NumberSample[] {
  return [...counts.values()].map(({ plugin, hook, count }) => ({ labels: { plugin, hook }, value: count }));
}

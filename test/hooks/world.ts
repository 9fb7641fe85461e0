/** A small world for tests of plugins: virtual time (vitest's fake timers drive it), a log that is kept, an exchange with journals. */
import { pino } from 'pino';
import type { Backend, Connection, Exchange, HealthChange, HttpExchange, OnFailure, Outcome, PoolView, ResponseHead, Result } from '@steelyard/sdk';
import type { HookSet, Scope } from '../../core/src/hooks.ts';
import { TapRegistry } from '../../core/src/hooks.ts';
import { MetricsRegistry } from '../../core/src/metrics/registry.ts';
import { FailureLog } from '../../core/src/plugins/failures.ts';
import { PluginRuntime } from '../../core/src/plugins/runtime.ts';
import type { HostServices } from '../../core/src/plugins.ts';
import { ServedRegistry, SharedRegistry } from '../../core/src/plugins.ts';

export const CONFIG: Scope = { kind: 'config' };

export type LogLine = Record<string, unknown> & { level: number; msg: string };

export class World {
  readonly lines: LogLine[] = [];
  readonly log = pino({ level: 'debug', base: null }, { write: (line: string) => void this.lines.push(JSON.parse(line) as LogLine) });
  readonly clock = { now: () => performance.now(), wallTime: () => Date.now(), random: () => 0.5 };
  readonly metrics = new MetricsRegistry();
  readonly failures = new FailureLog(() => this.clock.now(), this.metrics.plugins);
  readonly registry = new TapRegistry();
  readonly services: HostServices = {
    clock: this.clock,
    log: this.log,
    metrics: this.metrics,
    shared: new SharedRegistry((plugin, thrown) => this.log.error({ plugin, error: String(thrown) }, 'close failed')),
    served: new ServedRegistry(),
    probe: async () => undefined,
    snapshot: async () => ({ takenAt: 0, families: this.metrics.snapshot() }),
  };

  plugin(name = 'broken', onFailure: OnFailure = 'closed'): PluginRuntime {
    return new PluginRuntime(name, 'the config', onFailure, this.log, this.clock, this.failures, this.metrics.plugins);
  }
  compile(scopes: readonly Scope[] = [CONFIG]): HookSet {
    return this.registry.compile(scopes);
  }
  /** Value of a core metric about a plugin. */
  count(family: 'steelyard_plugin_failures_total' | 'steelyard_plugin_quarantined', plugin: string, hook: string): number {
    const samples = this.metrics.snapshot().find(({ name }) => name === family)!.samples;
    const sample = samples.find(({ labels }) => labels['plugin'] === plugin && labels['hook'] === hook);
    return sample && 'value' in sample ? sample.value : 0;
  }
}

/** Header edits as a journal, as the real heads have it. */
export class JournalHead {
  readonly edits: [name: string, value: string][] = [];
  setHeader(name: string, value: string): void {
    this.edits.push([name, value]);
  }
  mark(): number {
    return this.edits.length;
  }
  rollback(mark: number): void {
    this.edits.length = mark;
  }
  asResponse(): ResponseHead {
    return this as unknown as ResponseHead;
  }
}

export class FakeExchange {
  readonly request = new JournalHead();
  readonly pools = ['canary', 'other'];
  redirectedTo: string | undefined;
  isRetired = false;
  redirect(pool: string): boolean {
    if (!this.pools.includes(pool)) return false;
    this.redirectedTo ??= pool;
    return true;
  }
  retire(): void {
    this.isRetired = true;
  }
  asHttp(): HttpExchange {
    return this as unknown as HttpExchange;
  }
}

export const CONNECTION = { id: 1, remoteAddress: '192.0.2.1' } as Connection;
export const EXCHANGE = { id: 1 } as Exchange;
export const OUTCOME = { kind: 'answered', status: 200 } as Outcome;
export const RESULT = { status: 200 } as Result;
export const CHANGE = { from: 'up', to: 'down' } as HealthChange;

export function backend(id: string): Backend {
  return { id } as Backend;
}
export function poolOf(backends: readonly Backend[], unavailable: readonly Backend[] = []): PoolView {
  return { name: 'web', backends, isAvailable: (asked) => backends.includes(asked) && !unavailable.includes(asked), inFlightAt: () => 0, nobody: () => undefined };
}

/** The hook's verdict; the promise also rejects when the hook gives an error, which it must never do. */
export function verdictOf<S, V>(hook: { callAsync(subject: S, done: (error: Error | null, verdict?: V) => void): void } | undefined, subject: S): Promise<V | undefined> {
  return new Promise((resolve, reject) => {
    hook!.callAsync(subject, (error, verdict) => (error ? reject(error) : resolve(verdict)));
  });
}

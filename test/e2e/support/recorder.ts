/** A plugin that writes down what it hears, and wakes whoever waits for it. */
import { definePlugin, type GeneralUse, type HealthChange, type Host, type OnFailure, type Outcome, type Result } from '@steelyard/sdk';

export interface HeardAttempt {
  readonly exchange: number;
  readonly backend: string;
  readonly outcome: Outcome;
}
export interface HeardResult {
  readonly exchange: number;
  readonly method: string;
  readonly path: string;
  readonly route: string | undefined;
  readonly result: Result;
}

export class Recorder {
  /** Names of hooks, in the order of their calls. */
  readonly calls: string[] = [];
  readonly attempts: HeardAttempt[] = [];
  readonly results: HeardResult[] = [];
  readonly changes: HealthChange[] = [];
  readonly #wakers = new Set<() => void>();

  /** @param name stands before each call in `calls`, so that several of them can write into one list. */
  plugin(name = 'recorder'): GeneralUse {
    const note = (hook: string): void => {
      this.calls.push(`${name} ${hook}`);
    };
    return plugin(name, ({ hooks }) => {
      try {
        hooks.onConnect.tap(() => note('onConnect'));
      } catch {
        // It stands on a route or a pool, where there are no connections.
      }
      hooks.onRequest.tap(() => note('onRequest'));
      hooks.selectBackend.tap(() => note('selectBackend'));
      hooks.onResponseHead.tap(() => note('onResponseHead'));
      hooks.onAttempt.tap((exchange, backend, outcome) => {
        note('onAttempt');
        this.attempts.push({ exchange: exchange.id, backend: backend.id, outcome });
        this.#wake();
      });
      hooks.onResponse.tap((exchange, result) => {
        note('onResponse');
        this.results.push({ exchange: exchange.id, method: exchange.request?.method ?? '', path: exchange.request?.path ?? '', route: exchange.route?.name, result });
        this.#wake();
      });
      hooks.onHealthChange.tap((change) => {
        note('onHealthChange');
        this.changes.push(change);
        this.#wake();
      });
    });
  }

  /** Resolves as soon as it holds: asked again at each attempt, response and health change that is heard. The test's time limit is the limit. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isTrue()) return;
        this.#wakers.delete(look);
        resolve();
      };
      this.#wakers.add(look);
      look();
    });
  }
  /** Resolves when so many exchanges have ended. */
  responses(count: number): Promise<void> {
    return this.until(() => this.results.length >= count);
  }

  #wake(): void {
    for (const look of this.#wakers) look();
  }
}

/** A plugin in one line. */
export function plugin(name: string, setup: (host: Host) => void | Promise<void>, onFailure: OnFailure = 'closed', runs: 'main' | 'workers' = 'workers'): GeneralUse {
  return definePlugin<{}>({ name, options: {}, onFailure, runs, setup: (_options, host) => setup(host) })();
}

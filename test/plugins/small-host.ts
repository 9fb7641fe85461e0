/** The least that stands in for core's host: real enough for `shared` over generations, with a clock that tests turn by hand. */
import type { Exchange, Host, Result, ServeHandler } from '@steelyard/sdk';

interface Shared {
  value: Promise<unknown>;
  close: (value: never) => void | Promise<void>;
  claims: Set<Generation>;
}

interface Timer {
  at: number;
  /** 0 = once. */
  everyMs: number;
  fn: () => void | Promise<void>;
}

/** What several generations of one process have in common. */
export class SmallProcess {
  now = 1000;
  wallTime = Date.UTC(2026, 10, 23, 0, 58, 51, 123);
  readonly shared = new Map<string, Shared>();
  readonly log: string[] = [];
  readonly counted = new Map<string, number>();

  generation(): Generation {
    return new Generation(this);
  }
}

/** One config's life. */
export class Generation {
  readonly host: Host;
  readonly handlers: ServeHandler[] = [];
  readonly #controller = new AbortController();
  readonly #process: SmallProcess;
  readonly #deferred: (() => void | Promise<void>)[] = [];
  readonly #timers: Timer[] = [];
  readonly #onResponse: ((exchange: Exchange, result: Result) => void)[] = [];

  constructor(process: SmallProcess) {
    this.#process = process;
    const line = (level: string) => (fields: object | string, message?: string) =>
      void process.log.push(typeof fields === 'string' ? `${level} ${fields}` : `${level} ${message} ${JSON.stringify(fields)}`);
    const timer = (everyMs: number) => (ms: number, fn: () => void | Promise<void>) => {
      const entry = { at: process.now + ms, everyMs: everyMs * ms, fn };
      this.#timers.push(entry);
      return () => this.#remove(entry);
    };
    this.host = {
      hooks: { onResponse: { tap: (fn: (exchange: Exchange, result: Result) => void) => void this.#onResponse.push(fn) } },
      signal: this.#controller.signal,
      log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      now: () => process.now,
      wallTime: () => process.wallTime,
      every: timer(1),
      after: timer(0),
      defer: (fn: () => void) => void this.#deferred.push(fn),
      counter: (name: string) => ({ add: (by = 1) => void process.counted.set(name, (process.counted.get(name) ?? 0) + by) }),
      shared: (key: string, open: () => unknown, close: (value: never) => void) => this.#claim(key, open, close),
    } as unknown as Host;
  }

  respond(exchange: Exchange, result: Result): void {
    for (const tap of this.#onResponse) tap(exchange, result);
  }

  /** Turns the clock on, and runs what fell due in this generation. */
  async advance(ms: number): Promise<void> {
    this.#process.now += ms;
    for (const timer of this.#timers.filter(({ at }) => at <= this.#process.now)) {
      if (timer.everyMs > 0) timer.at += timer.everyMs;
      else this.#remove(timer);
      await timer.fn();
    }
  }

  timersWaiting(): number {
    return this.#timers.length;
  }

  async end(): Promise<void> {
    this.#controller.abort();
    this.#timers.length = 0;
    while (this.#deferred.length > 0) await this.#deferred.pop()!();
    for (const [key, shared] of this.#process.shared) {
      if (!shared.claims.delete(this) || shared.claims.size > 0) continue;
      this.#process.shared.delete(key);
      await shared.close((await shared.value) as never);
    }
  }

  async #claim(key: string, open: () => unknown, close: (value: never) => void): Promise<unknown> {
    let shared = this.#process.shared.get(key);
    if (shared === undefined) {
      shared = { value: Promise.resolve().then(open), close, claims: new Set() };
      this.#process.shared.set(key, shared);
      shared.value.catch(() => this.#process.shared.delete(key));
    }
    shared.claims.add(this);
    return await shared.value;
  }

  #remove(entry: Timer): void {
    const at = this.#timers.indexOf(entry);
    if (at >= 0) this.#timers.splice(at, 1);
  }
}

/**
 * Where schedules are played: one balancer, and places with an origin of their own each, so that several schedules run at once. It keeps the books
 * that plugins can keep: each exchange with its attempts and its end.
 */
import net from 'node:net';
import { createBalancer, type Balancer } from '@steelyard/core';
import { definePlugin, type Config, type GeneralUse, type Result } from '@steelyard/sdk';
import { ScriptedOrigin } from './scripted-origin.ts';

/** Nothing in a schedule waits for a time-out: what comes to one hangs. They are above the limit of `comesTrue`. */
const TIMEOUT_MS = 60_000;

export interface Ended {
  readonly result: Result;
  /** Of each attempt, in order. */
  readonly outcomes: readonly string[];
}

export interface Place {
  readonly host: string;
  readonly origin: ScriptedOrigin;
  readonly tcp: TcpSlot;
  /** The first backend gets nothing new. */
  drains: boolean;
}

/** Hands the connection that its backend accepted to the schedule. */
export interface TcpSlot {
  accepted: (socket: net.Socket) => void;
  readonly server: net.Server;
}

export class Stage {
  readonly places: Place[] = [];
  /** Exchanges by the path of their request, without its slash; tcp ones by listener. */
  readonly ended = new Map<string, Ended[]>();
  /** What no schedule in particular is to blame for. */
  readonly violations: string[] = [];
  balancer!: Balancer;
  /** Any exchange that was seen: the way to the insides of the thread. */
  anyExchange: unknown;
  begun = 0;
  attempts = 0;
  results = 0;
  readonly #urls: string[][] = [];
  readonly #outcomes = new Map<number, string[]>();
  readonly #openIds = new Set<number>();

  async open(places: number): Promise<void> {
    for (let i = 0; i < places; i++) {
      const origin = new ScriptedOrigin();
      this.#urls.push(await origin.open());
      const tcp: TcpSlot = { accepted: (socket) => socket.destroy(), server: net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => tcp.accepted(socket)) };
      await new Promise<void>((resolve) => tcp.server.listen(0, '127.0.0.1', resolve));
      this.places.push({ host: `place${i}.test`, origin, tcp, drains: false });
    }
    this.balancer = createBalancer(this.#config());
    await this.balancer.start();
  }

  async reload(): Promise<void> {
    await this.balancer.reload(this.#config());
  }

  async close(): Promise<void> {
    await this.balancer.stop({ drainLimitMs: 2_000 });
    for (const { origin, tcp } of this.places) {
      await origin.close();
      await new Promise((resolve) => tcp.server.close(resolve));
    }
  }

  port(listener: string): number {
    return this.balancer.address(listener).port;
  }

  #config(): Config {
    const timeouts = { headMs: TIMEOUT_MS, bodyMs: TIMEOUT_MS, writeMs: TIMEOUT_MS, idleMs: TIMEOUT_MS };
    const retry = { budget: 1, budgetPerSecond: 100_000 };
    const ofPool = { retry, timeouts: { connectMs: TIMEOUT_MS, responseMs: TIMEOUT_MS, bodyMs: TIMEOUT_MS, idleMs: TIMEOUT_MS } };
    const pools: Record<string, Config['pools'][string]> = {};
    const listeners: Config['listeners'][number][] = [
      { name: 'abort', port: 0, host: '127.0.0.1', timeouts },
      { name: 'serve', port: 0, host: '127.0.0.1', timeouts, halfClose: 'serve' },
    ];
    for (const [i, { tcp, drains }] of this.places.entries()) {
      const [first, second] = this.#urls[i]!;
      pools[`web${i}`] = { backends: [{ url: first!, drain: drains }, second!], ...ofPool };
      pools[`tcp${i}`] = { protocol: 'tcp', backends: [`tcp://127.0.0.1:${(tcp.server.address() as net.AddressInfo).port}`] };
      listeners.push({ name: `tcp${i}`, protocol: 'tcp', pool: `tcp${i}`, port: 0, host: '127.0.0.1' });
    }
    return {
      log: { level: 'silent' }, listeners, pools, plugins: [this.#books()],
      routes: this.places.map(({ host }, i) => ({ match: { host }, pool: `web${i}` })),
    };
  }

  /** Every attempt ends once, every exchange ends once, and nothing comes behind its end. */
  #books(): GeneralUse {
    return definePlugin<{}>({
      name: 'books', options: {},
      setup: (_options, { hooks }) => {
        hooks.selectBackend.tap((exchange) => {
          this.#openIds.add(exchange.id);
          return undefined;
        });
        hooks.onAttempt.tap((exchange, _backend, outcome) => {
          this.attempts++;
          if (!this.#openIds.has(exchange.id)) this.violations.push(`an attempt of exchange ${exchange.id} ended that had none open`);
          const outcomes = this.#outcomes.get(exchange.id) ?? [];
          if (outcomes.length === 0) this.#outcomes.set(exchange.id, outcomes);
          outcomes.push(outcome.kind === 'aborted' ? `aborted by ${outcome.by}` : outcome.kind);
        });
        hooks.onResponse.tap((exchange, result) => {
          this.results++;
          this.anyExchange = exchange;
          const outcomes = this.#outcomes.get(exchange.id) ?? [];
          this.#outcomes.delete(exchange.id);
          this.#openIds.delete(exchange.id);
          const name = exchange.request ? exchange.request.path.slice(1) : exchange.connection.listener;
          if (outcomes.length !== result.attempts) this.violations.push(`${name}: ${result.attempts} attempts, and ${outcomes.length} ends of them were told`);
          const known = this.ended.get(name);
          if (known) known.push({ result, outcomes });
          else this.ended.set(name, [{ result, outcomes }]);
        });
      },
    })();
  }

  /** Exchanges whose attempts have ended and which have not. */
  get openExchanges(): number {
    return this.#openIds.size + this.#outcomes.size;
  }
}

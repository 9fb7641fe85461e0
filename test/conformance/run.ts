/** Runs the table against one proxy: several lanes side by side, each with an origin of its own, each one case at a time. */
import { setImmediate } from 'node:timers/promises';
import type { Case } from './case.ts';
import { Client } from './client.ts';
import { RecordingOrigin } from './origin.ts';
import { play, type Lane, type Observation } from './play.ts';

export interface Proxy {
  /** One port for each origin, in order. */
  readonly ports: readonly number[];
  /** Answers every request by itself. */
  readonly tickPort: number;
  stop(): Promise<void>;
}
/** Starts a proxy before these origins. */
export type StartProxy = (originPorts: readonly number[]) => Promise<Proxy>;

const LANES = 8;

export class Bench {
  readonly #proxy: Proxy;
  readonly #lanes: readonly Lane[];
  readonly #tickers: readonly Ticker[];

  private constructor(proxy: Proxy, lanes: readonly Lane[], tickers: readonly Ticker[]) {
    this.#proxy = proxy;
    this.#lanes = lanes;
    this.#tickers = tickers;
  }

  static async start(startProxy: StartProxy, count = LANES): Promise<Bench> {
    const tickers = Array.from({ length: count }, () => new Ticker());
    const origins = await Promise.all(tickers.map(({ tick }) => RecordingOrigin.listen(tick)));
    const proxy = await startProxy(origins.map(({ port }) => port));
    await Promise.all(tickers.map((ticker) => ticker.connect(proxy.tickPort)));
    return new Bench(proxy, origins.map((origin, lane) => ({ port: proxy.ports[lane]!, origin, tick: tickers[lane]!.tick })), tickers);
  }

  /** What each case came to, in the order of the table. */
  async run(table: readonly Case[]): Promise<Observation[]> {
    const observed: Observation[] = [];
    let next = 0;
    await Promise.all(this.#lanes.map(async (lane) => {
      while (next < table.length) {
        const place = next++;
        observed[place] = await play(lane, table[place]!);
      }
    }));
    return observed;
  }

  async stop(): Promise<void> {
    for (const ticker of this.#tickers) ticker.close();
    for (const { origin } of this.#lanes) origin.dropConnections();
    await this.#proxy.stop();
    await Promise.all(this.#lanes.map(({ origin }) => origin.close()));
  }
}

/** A connection whose small requests go once around the event loops of the proxy and of this process. */
class Ticker {
  #client: Client | undefined;
  #answers = 0;
  #last = Promise.resolve();

  async connect(port: number): Promise<void> {
    this.#client = await Client.connect(port);
    await this.tick();
  }

  /** One after the other: the case and its origin both ask. */
  readonly tick = (): Promise<void> => (this.#last = this.#last.then(() => this.#once()));

  async #once(): Promise<void> {
    const client = this.#client!;
    client.received = '';
    client.send('GET /tick HTTP/1.1\r\nHost: tick\r\n\r\n');
    this.#answers += 1;
    while (client.messages[0]?.isComplete !== true) {
      if (client.end !== '') throw new Error(`the proxy ended the connection for ticks after ${this.#answers}`);
      await client.next();
    }
    await setImmediate();
  }

  close(): void {
    this.#client?.destroy();
  }
}

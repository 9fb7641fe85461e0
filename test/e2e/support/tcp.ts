/** Configs for TCP, what the hooks were told, and what was logged. */
import { definePlugin, type Backend, type Config, type Exchange, type Outcome, type PoolConfig, type Result, type TcpListener, type Connection, type ConnectDecision } from '@steelyard/sdk';
import { pino, type Logger } from 'pino';

export type TcpPoolParts = Partial<Extract<PoolConfig, { protocol: 'tcp' }>>;

/** One tcp listener on any port of 127.0.0.1, one pool of these backends. */
export function tcpTo(backends: readonly string[], parts: { listener?: Partial<TcpListener>; pool?: TcpPoolParts; plugins?: Config['plugins'] } = {}): Config {
  return {
    listeners: [{ port: 0, host: '127.0.0.1', protocol: 'tcp', pool: 'tcp', ...parts.listener }],
    pools: { tcp: { protocol: 'tcp', backends, ...parts.pool } },
    plugins: parts.plugins ?? [],
    log: { level: 'silent' },
  };
}

export interface Attempt {
  exchange: number;
  backend: string;
  outcome: Outcome;
}

/** A plugin that writes down what `onAttempt` and `onResponse` are told. */
export class Recorder {
  readonly attempts: Attempt[] = [];
  readonly results: { exchange: number; result: Result }[] = [];
  #wake: () => void = () => {};

  readonly plugin = definePlugin<{}>({
    name: 'recorder',
    options: {},
    setup: (_options, host) => {
      host.hooks.onAttempt.tap((exchange: Exchange, backend: Backend, outcome: Outcome) => {
        this.attempts.push({ exchange: exchange.id, backend: backend.url, outcome });
      });
      host.hooks.onResponse.tap((exchange: Exchange, result: Result) => {
        this.results.push({ exchange: exchange.id, result: { ...result } });
        this.#wake();
      });
    },
  })();

  /** The one result so far; waits for it. */
  async result(): Promise<Result> {
    await this.count(1);
    if (this.results.length !== 1) throw new Error(`${this.results.length} results where one was expected`);
    return this.results[0]!.result;
  }

  async count(wanted: number): Promise<void> {
    while (this.results.length < wanted) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Kinds and codes of the attempts, in order. */
  get fates(): string[] {
    return this.attempts.map(({ outcome }) => {
      switch (outcome.kind) {
        case 'answered':
          return 'answered';
        case 'failed':
          return `failed in ${outcome.phase}: ${outcome.code}`;
        case 'aborted':
          return `aborted by ${outcome.by}`;
        default:
          return outcome satisfies never;
      }
    });
  }
}

/** `onConnect` as the test wants it. */
export function gatekeeper(decide: (connection: Connection) => Promise<ConnectDecision>): NonNullable<Config['plugins']>[number] {
  return definePlugin<{}>({ name: 'gatekeeper', options: {}, setup: (_options, host) => host.hooks.onConnect.tapPromise(decide) })();
}

export interface LogLine {
  level: number;
  msg: string;
  code?: string;
  [field: string]: unknown;
}

/** A logger and what it was told. */
export function logBook(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { lines, logger: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) }) };
}

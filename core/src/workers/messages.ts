/** What main and a worker say to each other: plain data, in order, each way. Nothing is sent per request. */
import type { HealthState, MetricFamily } from '@steelyard/sdk';
import type { AddressMemory } from '../board/address-counts.ts';
import type { Forget } from '../board/rows.ts';
import type { ScoreboardMemory } from '../board/scoreboard.ts';
import type { MemberOrder, PoolOrder } from '../control/order.ts';
import type { LoggerForm } from '../log.ts';
import type { CounterEntries } from '../metrics/counter-book.ts';
import type { ErrorWire } from './error-wire.ts';

/** What a worker is born with. */
export interface WorkerBirth {
  /** 1 to the number of workers; a replacement has that of the one it replaces. For people and metrics. */
  readonly number: number;
  /** Of the scoreboard. */
  readonly block: number;
  readonly memory: ScoreboardMemory;
  /** Connections by client address. */
  readonly addresses: AddressMemory;
  /** How many share the traffic. */
  readonly workers: number;
  readonly configFile: string;
  readonly command: string;
  readonly log: LoggerForm;
  /** `log.level` of each config holds for its log. */
  readonly followsLogLevel: boolean;
  /** Main's monotonic clock, less the process's own: `performance.now()` begins anew in each thread. */
  readonly clockOffsetMs: number;
}

export interface PrepareOrder {
  readonly number: number;
  /** Of the config as main has it. */
  readonly digest: string;
  readonly pools: ReadonlyMap<string, PoolOrder>;
  /** By listener. */
  readonly ports: ReadonlyMap<string, number>;
  readonly isShared: boolean;
  readonly counters: CounterEntries;
  readonly addresses: readonly (readonly [host: string, addresses: readonly string[]])[];
  /** Between two signs of life. Milliseconds. */
  readonly beatMs: number;
}

/** `config`: the text of the worker's config, when it is another than main's. */
export type PrepareAnswer = { readonly plugins: readonly string[] } | { readonly config: string };

export interface FlipTold {
  readonly pool: string;
  readonly id: string;
  readonly from: HealthState;
  readonly to: HealthState;
  readonly source: string;
  readonly reason: string;
}

/** What is answered: question and answer. */
export interface Questions {
  prepare: [order: PrepareOrder, answer: PrepareAnswer];
  discard: [order: undefined, answer: undefined];
  families: [order: undefined, answer: readonly MetricFamily[]];
  stop: [limit: { readonly drainLimitMs: number }, answer: undefined];
}
export type QuestionKind = keyof Questions;

export type ToWorker =
  | { [K in QuestionKind]: { readonly kind: K; readonly id: number; readonly order: Questions[K][0] } }[QuestionKind]
  /** The last: ends the thread from within. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'switch' }
  | { readonly kind: 'members'; readonly number: number; readonly pool: string; readonly members: readonly MemberOrder[] }
  | { readonly kind: 'addresses'; readonly host: string; readonly addresses: readonly string[] }
  | { readonly kind: 'flip'; readonly change: FlipTold }
  | { readonly kind: 'forget'; readonly forget: Forget };

export type ToMain =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorWire }
  /** Nothing of that generation is left there. */
  | { readonly kind: 'ended'; readonly number: number }
  | { readonly kind: 'forgotten'; readonly forget: Forget }
  | { readonly kind: 'failing'; readonly row: number; readonly source: string; readonly failures: number; readonly last: string }
  | { readonly kind: 'served'; readonly row: number; readonly source: string }
  /** A line of the log, for a logger that only main has. */
  | { readonly kind: 'line'; readonly line: string }
  /** An exception that nobody caught: it must be replaced. */
  | { readonly kind: 'wounded'; readonly error: ErrorWire };
